package datums_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/batteries/datums"
)

// refunds is a reader that counts so many of every datum.
type refunds struct {
	narrative.DatumReader
	count int
}

func (r refunds) CountDatums(context.Context, narrative.DatumQuery) (int, error) { return r.count, nil }

func ExampleRegister() {
	reg := narrative.NewRegistry()
	datums.Register(reg)
	args := json.RawMessage(`{"origin": "payments", "name": "refund", "window": "10m", "at_least": 20}`)
	event, err := reg.Event(datums.Class, args)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := narrative.WithSurroundings(context.Background(), narrative.Surroundings{Datums: refunds{count: 23}})
	noticed, err := event.Detect(ctx)
	for _, o := range noticed {
		fmt.Println(o.Summary["condition"], o.Details["count"], o.Details["rate"], err)
	}
	// Output: at least 20 in 10m 23 2.3 <nil>
}
