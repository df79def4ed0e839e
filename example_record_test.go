package narrative_test

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/narrative-go/narrative"
)

// invoice is a record of the application.
type invoice struct {
	id                string
	total, linesTotal int
	unreadable        bool
}

// invoicesBalance is the assertion that each invoice's total is the sum of its lines.
type invoicesBalance struct{ invoices []invoice }

func (b invoicesBalance) Violations(context.Context) iter.Seq2[narrative.Violation, error] {
	return func(yield func(narrative.Violation, error) bool) {
		for _, i := range b.invoices {
			v := narrative.Violation{Record: narrative.Record{Type: "invoice", ID: i.id}}
			var err error
			switch {
			case i.unreadable:
				err = errors.New("its lines cannot be read") // of this record alone
			case i.total == i.linesTotal:
				continue
			default:
				v.Summary = fmt.Sprintf("invoice %s says %d, its lines say %d", i.id, i.total, i.linesTotal)
				v.Details = map[string]any{"total": i.total, "lines_total": i.linesTotal}
			}
			if !yield(v, err) {
				return
			}
		}
	}
}

func ExampleAddRecordAssertion() {
	reg := narrative.NewRegistry()
	narrative.AddRecordAssertion(reg, "billing.InvoicesBalance", func(struct{}) (narrative.RecordAssertion, error) {
		return invoicesBalance{[]invoice{
			{id: "1", total: 10, linesTotal: 10}, {id: "2", total: 10, linesTotal: 15}, {id: "3", unreadable: true},
		}}, nil
	})

	made, err := reg.Assertion("billing.InvoicesBalance", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for violation, err := range made.(narrative.RecordAssertion).Violations(context.Background()) {
		if err != nil {
			fmt.Printf("%s %s: %v\n", violation.Record.Type, violation.Record.ID, err)
			continue
		}
		fmt.Println(violation.Summary) // an issue of its own
	}
	// Output:
	// invoice 2 says 10, its lines say 15
	// invoice 3: its lines cannot be read
}
