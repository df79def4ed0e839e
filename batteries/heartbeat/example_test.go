package heartbeat_test

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/batteries/heartbeat"
)

// nothing is a reader of datums that has none.
type nothing struct{ narrative.DatumReader }

func (nothing) Heartbeat(context.Context, string, time.Time) (narrative.Heartbeat, error) {
	return narrative.Heartbeat{}, narrative.Errorf(narrative.NotFound, "it has never beat")
}

func ExampleRegister() {
	reg := narrative.NewRegistry()
	heartbeat.Register(reg)
	assertion, err := reg.Assertion(heartbeat.Class, json.RawMessage(`{"name": "nightly-backup", "expect_every": "1d"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := narrative.WithSurroundings(context.Background(), narrative.Surroundings{Datums: nothing{}})
	v, err := assertion.(narrative.Assertion).Check(ctx)
	fmt.Println(v.Summary, err)
	// Output: no success of nightly-backup has ever arrived; one is expected every 1d <nil>
}
