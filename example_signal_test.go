package narrative_test

import (
	"fmt"
	"time"

	"github.com/narrative-go/narrative"
)

func ExampleDecodeSignal() {
	signal, err := narrative.DecodeSignal(narrative.SignalWontFix, []byte(`{"reason": "as agreed with billing", "by": "ann"}`))
	fmt.Println(signal.Name, signal.By, signal.Reason, err)

	_, err = narrative.DecodeSignal(narrative.SignalWontFix, []byte(`{"by": "ann"}`))
	fmt.Println(err)
	_, err = narrative.DecodeSignal(narrative.SignalSolution, []byte(`{"stepid": "0195"}`))
	fmt.Println(err)

	closed := narrative.Issue{ID: "0195", Status: narrative.StatusResolved}
	fmt.Println(signal.Check(closed, time.Now()))
	// Output:
	// wont_fix ann as agreed with billing <nil>
	// reason: is required
	// stepid: solution takes no such field; did you mean "step_id"? (it takes: by, plan, reason, step_id)
	// issue 0195 is closed (resolved); a signal can no longer change it
}
