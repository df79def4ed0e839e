package narrative_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/narrative-go/narrative"
)

// RestartArgs are the arguments of restart_agent in a plan.
type RestartArgs struct {
	Host string `json:"host"`
}

func ExampleAddAction() {
	reg := narrative.NewRegistry()
	restart := func(_ context.Context, args RestartArgs) error {
		fmt.Println("restarting the agent of", args.Host)
		return nil
	}
	// A second restart does no harm, should it be unknown whether the first took place.
	narrative.AddAction(reg, "restart_agent", restart, narrative.Repeatable())

	action, _ := reg.Action("restart_agent")
	fmt.Println(action.Check(json.RawMessage(`{"hots": "web-1"}`)))
	if err := action.Run(context.Background(), json.RawMessage(`{"host": "web-1"}`)); err != nil {
		fmt.Println(err)
	}
	// Output:
	// hots: is not a known field; did you mean "host"? (known: host)
	// restarting the agent of web-1
}
