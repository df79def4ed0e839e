package executor_test

import (
	"context"
	"fmt"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/executor"
)

func ExampleForValidation() {
	reg := narrative.NewRegistry()
	narrative.AddAction(reg, "restart_agent", func(context.Context, struct {
		Host string `json:"host"`
	},
	) error {
		return nil
	})
	e, err := executor.ForValidation(reg)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(e.Validate(narrative.Plan{
		narrative.Do("restart_agnt", nil),
		narrative.Do("webhook", map[string]string{"url": "shop.internal"}),
	}))
	// Output:
	// [0].restart_agnt: there is no action "restart_agnt"; did you mean "restart_agent"? (known: defer_multiple_solutions_to_admins, defer_to_admins, email, log_datum, restart_agent, slack, webhook)
	// [1].webhook.url: must be an http:// or https:// URL with a host
}
