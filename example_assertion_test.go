package narrative_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/narrative-go/narrative"
)

// QueueArgs are the arguments of a queueShort, as a meta gives them.
type QueueArgs struct {
	Queue string `json:"queue"`
	Max   int    `json:"max"`
}

// queueShort is the assertion that a queue does not pile up.
type queueShort struct {
	args   QueueArgs
	length func(queue string) (int, error)
}

func (q queueShort) Check(context.Context) (narrative.Verdict, error) {
	n, err := q.length(q.args.Queue)
	if err != nil {
		return narrative.Verdict{}, err // the check could not be made, which is no verdict
	}
	if n > q.args.Max {
		return narrative.Failed("%d messages wait in %s", n, q.args.Queue).With("waiting", n), nil
	}
	return narrative.Passed("%s is short", q.args.Queue), nil
}

func ExampleAddAssertion() {
	reg := narrative.NewRegistry()
	narrative.AddAssertion(reg, "mail.QueueShort", func(args QueueArgs) (narrative.Assertion, error) {
		if args.Queue == "" {
			return nil, narrative.Problems{{Path: "queue", Message: "is required"}}
		}
		return queueShort{args, func(string) (int, error) { return 12, nil }}, nil
	})

	// Arguments are looked at when a meta is saved.
	fmt.Println(reg.CheckArgs(narrative.AssertionKind, "mail.QueueShort", json.RawMessage(`{"queu": "outgoing"}`)))

	made, err := reg.Assertion("mail.QueueShort", json.RawMessage(`{"queue": "outgoing", "max": 10}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	verdict, err := made.(narrative.Assertion).Check(context.Background())
	fmt.Println(verdict.Passed, verdict.Summary, verdict.Details, err)
	// Output:
	// args.queu: is not a known field; did you mean "queue"? (known: queue, max)
	// false 12 messages wait in outgoing map[waiting:12] <nil>
}
