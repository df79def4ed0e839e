package narrative_test

import (
	"strings"
	"testing"
	"time"

	"github.com/narrative-go/narrative"
)

func TestDecodeSignal(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		signal  narrative.SignalName
		payload string
		want    narrative.Signal
	}{
		"a step is chosen": {
			narrative.SignalSolution, `{"step_id":"s1","by":"ann","reason":"it helps"}`,
			narrative.Signal{Name: narrative.SignalSolution, StepID: "s1", By: "ann", Reason: "it helps"},
		},
		"a plan is brought along": {
			narrative.SignalSolution, `{"plan":[{"action":"restart","args":{"id":"7"},"timeout":"90s","retry":{"attempts":2,"backoff":"5s"}}]}`,
			narrative.Signal{Name: narrative.SignalSolution, Plan: narrative.Plan{{
				Action: "restart", Args: mustJSON(map[string]string{"id": "7"}), Timeout: duration("90s"),
				Retry: &narrative.Retry{Attempts: 2, Backoff: duration("5s")},
			}}},
		},
		"resolve needs nothing":     {narrative.SignalResolve, ``, narrative.Signal{Name: narrative.SignalResolve}},
		"resolve takes null for {}": {narrative.SignalResolve, `null`, narrative.Signal{Name: narrative.SignalResolve}},
		"wont_fix until a time":     {narrative.SignalWontFix, `{"reason":"by design","until":"2026-03-01T12:00:05Z"}`, narrative.Signal{Name: narrative.SignalWontFix, Reason: "by design", Until: until(5)}},
		"a comment in any language": {narrative.SignalComment, `{"text":"schau mal 👀","by":"ann"}`, narrative.Signal{Name: narrative.SignalComment, Text: "schau mal 👀", By: "ann"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := narrative.DecodeSignal(tt.signal, []byte(tt.payload))
			if err != nil {
				t.Fatal(err)
			}
			same(t, tt.want, got)
		})
	}
}

func TestDecodeSignalRefuses(t *testing.T) {
	t.Parallel()
	const one = "solution takes exactly one of step_id and plan"
	for name, tt := range map[string]struct {
		signal  narrative.SignalName
		payload string
		want    failure
	}{
		"a signal that there is not": {"explode", `{}`, failure{narrative.NotFound, `there is no signal "explode"; the signals are solution, resolve, wont_fix, comment`}},
		"the internal one":           {narrative.SignalObserve, `{}`, failure{narrative.NotFound, `there is no signal "observe"; the signals are solution, resolve, wont_fix, comment`}},
		"what is not JSON":           {narrative.SignalResolve, `{by: ann}`, failure{narrative.Invalid, "the payload of resolve must be a JSON object: invalid character 'b' looking for beginning of object key string"}},
		"what is not an object":      {narrative.SignalResolve, `["ann"]`, failure{narrative.Invalid, "the payload of resolve must be a JSON object: json: cannot unmarshal array into Go value of type map[string]json.RawMessage"}},
		"neither step nor plan":      {narrative.SignalSolution, `{}`, failure{narrative.Invalid, one}},
		"both step and plan":         {narrative.SignalSolution, `{"step_id":"s1","plan":[{"action":"a"}]}`, failure{narrative.Invalid, one}},
		"an empty plan":              {narrative.SignalSolution, `{"plan":[]}`, failure{narrative.Invalid, one}},
		"unknown fields, all of them": {
			narrative.SignalSolution, `{"step":"s1","text":"x"}`,
			failure{narrative.Invalid, `step: solution takes no such field (it takes: by, plan, reason, step_id)` + "\n" + `text: solution takes no such field (it takes: by, plan, reason, step_id)`},
		},
		"a field of another signal":    {narrative.SignalResolve, `{"until":"2026-03-01T12:00:05Z"}`, failure{narrative.Invalid, "until: resolve takes no such field (it takes: by, reason)"}},
		"a field in other case":        {narrative.SignalResolve, `{"By":"ann"}`, failure{narrative.Invalid, `By: resolve takes no such field; did you mean "by"? (it takes: by, reason)`}},
		"an unknown field of the plan": {narrative.SignalSolution, `{"plan":[{"action":"a","arg":{}}]}`, failure{narrative.Invalid, `plan[0].arg: is not a known field; did you mean "args"? (known: action, args, timeout, retry)`}},
		"a plan of the wrong type":     {narrative.SignalSolution, `{"plan":"restart"}`, failure{narrative.Invalid, "plan: must be a list, not string"}},
		"endless attempts":             {narrative.SignalSolution, `{"plan":[{"action":"a","retry":{"attempts":2147483647,"backoff":"1s"}}]}`, failure{narrative.Invalid, "plan[0].retry.attempts: must be from 1 to 100; not 2147483647"}},
		"a null character in the plan": {narrative.SignalSolution, `{"plan":[{"action":"a","args":{"x":"\u0000"}}]}`, failure{narrative.Invalid, `plan[0].args: contains the character \u0000, which cannot be stored`}},
		"wont_fix without a reason":    {narrative.SignalWontFix, `{"by":"ann"}`, failure{narrative.Invalid, "reason: is required"}},
		"wont_fix with a blank reason": {narrative.SignalWontFix, `{"reason":" \n"}`, failure{narrative.Invalid, "reason: is required"}},
		"a time that is none":          {narrative.SignalWontFix, `{"reason":"x","until":"tomorrow"}`, failure{narrative.Invalid, "until: must be a time such as 2026-01-02T15:04:05Z, not tomorrow"}},
		"a comment without text":       {narrative.SignalComment, `{}`, failure{narrative.Invalid, "text: is required"}},
		"a comment of the wrong type":  {narrative.SignalComment, `{"text":7}`, failure{narrative.Invalid, "text: must be a string, not number"}},
		"a null character":             {narrative.SignalComment, `{"text":"a\u0000"}`, failure{narrative.Invalid, `text: contains the character \u0000, which cannot be stored`}},
		"a comment too long":           {narrative.SignalComment, `{"text":"` + strings.Repeat("x", 64<<10+1) + `"}`, failure{narrative.Invalid, "text: is longer than 64 KiB"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := narrative.DecodeSignal(tt.signal, []byte(tt.payload))
			same(t, &tt.want, failureOf(err))
		})
	}
}

func TestSignalCheck(t *testing.T) {
	t.Parallel()
	step := func(id string, action narrative.StepAction, state narrative.StepState) narrative.ResolutionStep {
		return narrative.ResolutionStep{ID: id, Action: action, State: state}
	}
	open := narrative.Issue{ID: "i1", Status: narrative.StatusImpasse, Steps: []narrative.ResolutionStep{
		step("proposed", narrative.Exec, narrative.StepProposed), step("failed", narrative.Exec, narrative.StepFailed),
		step("unknown", narrative.Exec, narrative.StepUnknown), step("running", narrative.Exec, narrative.StepRunning),
		step("applied", narrative.Exec, narrative.StepApplied), step("pass", narrative.Pass, narrative.StepPassed),
	}}
	again := narrative.Plan{{Action: "again"}}
	running := step("again", narrative.Exec, narrative.StepRunning)
	running.Digest, _ = again.Digest()
	open.Steps = append(open.Steps, running)
	until := func(seconds int) *time.Time { t := at(seconds); return &t }
	closed := narrative.Issue{ID: "i1", Status: narrative.StatusWontFix}
	choose := func(id string) narrative.Signal { return narrative.Signal{Name: narrative.SignalSolution, StepID: id} }
	for name, tt := range map[string]struct {
		signal narrative.Signal
		issue  narrative.Issue
		want   *failure
	}{
		"a proposed step may be chosen":    {choose("proposed"), open, nil},
		"a failed step may be tried again": {choose("failed"), open, nil},
		"an unknown one, too":              {choose("unknown"), open, nil},
		"a plan may be brought along":      {narrative.Signal{Name: narrative.SignalSolution, Plan: narrative.Plan{{Action: "a"}}}, open, nil},
		"a comment may always be made":     {narrative.Signal{Name: narrative.SignalComment, Text: "x"}, open, nil},
		"a time to come may be given":      {narrative.Signal{Name: narrative.SignalWontFix, Reason: "x", Until: until(1)}, open, nil},
		"a time that is past may not":      {narrative.Signal{Name: narrative.SignalWontFix, Reason: "x", Until: until(-1)}, open, &failure{narrative.Invalid, "until: " + at(-1).Format("2006-01-02 15:04:05 UTC") + " lies in the past"}},
		"a plan that is being carried out": {narrative.Signal{Name: narrative.SignalSolution, Plan: again}, open, &failure{narrative.Conflict, "the same plan is being carried out already, as step again"}},
		"a running step may not be chosen": {choose("running"), open, &failure{narrative.Conflict, "step running is being carried out already"}},
		"an applied step may not":          {choose("applied"), open, &failure{narrative.Conflict, "step applied has been carried out already"}},
		"a pass may not":                   {choose("pass"), open, &failure{narrative.Invalid, "step_id: step pass proposes pass: it has no plan to carry out"}},
		"a step that is not there may not": {choose("gone"), open, &failure{narrative.Invalid, "step_id: issue i1 has no step gone"}},
		"a closed issue takes no comment":  {narrative.Signal{Name: narrative.SignalComment}, closed, &failure{narrative.Conflict, "issue i1 is closed (wont_fix); a signal can no longer change it"}},
		"a closed issue takes no solution": {choose("proposed"), closed, &failure{narrative.Conflict, "issue i1 is closed (wont_fix); a signal can no longer change it"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, tt.want, failureOf(tt.signal.Check(tt.issue, at(0))))
		})
	}
}
