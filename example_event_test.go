package narrative_test

import (
	"context"
	"fmt"

	"github.com/narrative-go/narrative"
)

// refundSpike is the event that more is refunded than usual.
type refundSpike struct{ refunds map[string]int }

func (s refundSpike) Detect(context.Context) ([]narrative.Occurrence, error) {
	var noticed []narrative.Occurrence
	for day, n := range s.refunds {
		if n >= 20 {
			noticed = append(noticed, narrative.Occurrence{
				Summary: map[string]any{"day": day}, // identifies it: handled once
				Details: map[string]any{"count": n}, // describes it
			})
		}
	}
	return noticed, nil
}

func ExampleAddEvent() {
	reg := narrative.NewRegistry()
	narrative.AddEvent(reg, "payments.RefundSpike", func(struct{}) (narrative.Event, error) {
		return refundSpike{map[string]int{"monday": 3, "tuesday": 25}}, nil
	})

	event, err := reg.Event("payments.RefundSpike", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	noticed, err := event.Detect(context.Background())
	for _, o := range noticed {
		fmt.Println(o.Summary, o.Details, err)
	}
	// Output:
	// map[day:tuesday] map[count:25] <nil>
}
