package narrative_test

import (
	"encoding/json"
	"testing"

	"github.com/narrative-go/narrative"
)

func TestPlanDigest(t *testing.T) {
	t.Parallel()
	plan := narrative.Plan{
		narrative.Do("email", map[string]any{"to": "ops@example.com", "subject": "a < b & c", "n": 4.50}),
		{Action: "restart", Timeout: duration("90s"), Retry: &narrative.Retry{Attempts: 5, Backoff: duration("2s")}},
	}
	const written = `[{"action":"email","args":{"n":4.5,"subject":"a < b & c","to":"ops@example.com"}},` +
		`{"action":"restart","retry":{"attempts":5,"backoff":"2s"},"timeout":"1m30s"}]`
	digest := must(plan.Digest())

	t.Run("is the SHA-256 of the canonical JSON", func(t *testing.T) {
		t.Parallel()
		same(t, narrative.HashText(written), digest)
	})
	t.Run("survives the store", func(t *testing.T) {
		t.Parallel()
		var read narrative.Plan
		if err := json.Unmarshal(mustJSON(plan), &read); err != nil {
			t.Fatal(err)
		}
		same(t, digest, must(read.Digest()))
	})
	t.Run("does not depend on how the arguments are written", func(t *testing.T) {
		t.Parallel()
		same(t,
			must(narrative.Plan{{Action: "a", Args: json.RawMessage(`{"x":1,"y":"A"}`)}}.Digest()),
			must(narrative.Plan{{Action: "a", Args: json.RawMessage(` { "y" : "\u0041", "x" : 1.0 } `)}}.Digest()))
	})
	for name, other := range map[string]narrative.Plan{
		"another argument": {narrative.Do("email", map[string]any{"to": "ops@example.org", "subject": "a < b & c", "n": 4.50}), plan[1]},
		"another order":    {plan[1], plan[0]},
		"an action less":   {plan[0]},
		"another timeout":  {plan[0], {Action: "restart", Retry: plan[1].Retry}},
		"another action":   {plan[0], {Action: "stop", Timeout: plan[1].Timeout, Retry: plan[1].Retry}},
	} {
		t.Run("is another for "+name, func(t *testing.T) {
			t.Parallel()
			if must(other.Digest()) == digest {
				t.Error("two plans have one digest")
			}
		})
	}
	t.Run("refuses arguments that are not JSON", func(t *testing.T) {
		t.Parallel()
		_, err := narrative.Plan{{Action: "a", Args: json.RawMessage(`{`)}}.Digest()
		same(t, narrative.Invalid, narrative.KindOf(err))
	})
}

func TestPlanValidate(t *testing.T) {
	t.Parallel()
	retry := func(attempts int, backoff string) narrative.Plan {
		return narrative.Plan{{Action: "a"}, {Action: "b", Retry: &narrative.Retry{Attempts: attempts, Backoff: duration(backoff)}}}
	}
	for name, tt := range map[string]struct {
		plan narrative.Plan
		want narrative.Problems
	}{
		"no plan is fine":                {nil, nil},
		"the limits are fine":            {append(retry(1, "1ms"), retry(100, "0s")...), nil},
		"no attempt is refused":          {retry(0, "1s"), narrative.Problems{{Path: "[1].retry.attempts", Message: "must be from 1 to 100; not 0"}}},
		"endless attempts are refused":   {retry(1<<31-1, "1s"), narrative.Problems{{Path: "[1].retry.attempts", Message: "must be from 1 to 100; not 2147483647"}}},
		"a backoff below 1ms is refused": {retry(3, "1us"), narrative.Problems{{Path: "[1].retry.backoff", Message: "must be at least 1ms; not 1µs"}}},
		"a negative backoff is refused":  {retry(3, "-1s"), narrative.Problems{{Path: "[1].retry.backoff", Message: "must be at least 1ms; not -1s"}}},
		"a negative timeout is refused": {
			narrative.Plan{{Action: "a", Timeout: duration("-1s")}},
			narrative.Problems{{Path: "[0].timeout", Message: "must not be negative"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, tt.want, tt.plan.Validate())
		})
	}
}

func TestDo(t *testing.T) {
	t.Parallel()
	t.Run("encodes the arguments", func(t *testing.T) {
		t.Parallel()
		same(t, narrative.Action{Action: "a", Args: json.RawMessage(`{"n":1}`)}, narrative.Do("a", map[string]int{"n": 1}))
	})
	t.Run("needs none", func(t *testing.T) {
		t.Parallel()
		same(t, narrative.Action{Action: "a"}, narrative.Do("a", nil))
	})
	t.Run("panics over what does not encode", func(t *testing.T) {
		t.Parallel()
		same(t, any("narrative.Do: the arguments of a do not encode as JSON: json: unsupported type: chan int"),
			recovered(func() { narrative.Do("a", make(chan int)) }))
	})
}

// recovered returns what f panics with.
func recovered(f func()) (panicked any) {
	defer func() { panicked = recover() }()
	f()
	return nil
}
