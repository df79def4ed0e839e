package narrative_test

import (
	"strings"
	"testing"

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
		"an approval has the step and the digest": {
			narrative.SignalApprove, `{"step_id":"s1","digest":"d1","by":"ann","reason":"looks right"}`,
			narrative.Signal{Name: narrative.SignalApprove, StepID: "s1", Digest: "d1", By: "ann", Reason: "looks right"},
		},
		"a rejection needs no digest": {
			narrative.SignalReject, `{"step_id":"s1","reason":"too risky"}`, narrative.Signal{Name: narrative.SignalReject, StepID: "s1", Reason: "too risky"},
		},
		"a rejection may have one": {
			narrative.SignalReject, `{"step_id":"s1","digest":"d1","reason":"too risky","by":"ann"}`,
			narrative.Signal{Name: narrative.SignalReject, StepID: "s1", Digest: "d1", Reason: "too risky", By: "ann"},
		},
		"acknowledge needs nothing": {narrative.SignalAcknowledge, `{}`, narrative.Signal{Name: narrative.SignalAcknowledge}},
		"acknowledge until a time": {
			narrative.SignalAcknowledge, `{"by":"ann","reason":"I look","until":"2026-03-01T13:00:05+01:00"}`,
			narrative.Signal{Name: narrative.SignalAcknowledge, By: "ann", Reason: "I look", Until: until(5)},
		},
		"snooze until a time": {
			narrative.SignalSnooze, `{"by":"ann","reason":"tonight","until":"2026-03-01T12:00:05Z"}`,
			narrative.Signal{Name: narrative.SignalSnooze, By: "ann", Reason: "tonight", Until: until(5)},
		},
		"snooze for a while":        {narrative.SignalSnooze, `{"for":"1d12h"}`, narrative.Signal{Name: narrative.SignalSnooze, For: duration("36h")}},
		"snooze for ten years":      {narrative.SignalSnooze, `{"for":"3650d"}`, narrative.Signal{Name: narrative.SignalSnooze, For: duration("3650d")}},
		"diagnose needs nothing":    {narrative.SignalDiagnose, ``, narrative.Signal{Name: narrative.SignalDiagnose}},
		"diagnose with a reason":    {narrative.SignalDiagnose, `{"by":"ann","reason":"it is quiet now"}`, narrative.Signal{Name: narrative.SignalDiagnose, By: "ann", Reason: "it is quiet now"}},
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
		"a signal that there is not": {"explode", `{}`, failure{narrative.NotFound, `there is no signal "explode"; the signals are solution, resolve, wont_fix, comment, approve, reject, acknowledge, snooze, diagnose`}},
		"the internal one":           {narrative.SignalObserve, `{}`, failure{narrative.NotFound, `there is no signal "observe"; the signals are solution, resolve, wont_fix, comment, approve, reject, acknowledge, snooze, diagnose`}},
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
		"an approval of nothing":       {narrative.SignalApprove, ``, failure{narrative.Invalid, "step_id: is required\ndigest: is required"}},
		"an approval without a digest": {narrative.SignalApprove, `{"step_id":"s1"}`, failure{narrative.Invalid, "digest: is required"}},
		"an approval of a blank step":  {narrative.SignalApprove, `{"step_id":" ","digest":"d1"}`, failure{narrative.Invalid, "step_id: is required"}},
		"an approval of a plan":        {narrative.SignalApprove, `{"step_id":"s1","digest":"d1","plan":[]}`, failure{narrative.Invalid, "plan: approve takes no such field (it takes: by, digest, reason, step_id)"}},
		"a digest of the wrong type":   {narrative.SignalApprove, `{"step_id":"s1","digest":64}`, failure{narrative.Invalid, "digest: must be a string, not number"}},
		"a digest with u0000":          {narrative.SignalApprove, `{"step_id":"s1","digest":"\u0000"}`, failure{narrative.Invalid, `digest: contains the character \u0000, which cannot be stored`}},
		"a rejection of nothing":       {narrative.SignalReject, `{}`, failure{narrative.Invalid, "reason: is required\nstep_id: is required"}},
		"a rejection without a reason": {narrative.SignalReject, `{"step_id":"s1","digest":"d1"}`, failure{narrative.Invalid, "reason: is required"}},
		"a rejection until a time":     {narrative.SignalReject, `{"step_id":"s1","reason":"x","until":"2026-03-01T12:00:05Z"}`, failure{narrative.Invalid, "until: reject takes no such field (it takes: by, digest, reason, step_id)"}},
		"acknowledge for a while":      {narrative.SignalAcknowledge, `{"for":"1h"}`, failure{narrative.Invalid, `for: acknowledge takes no such field (it takes: by, reason, until)`}},
		"acknowledge until no time":    {narrative.SignalAcknowledge, `{"until":"1h"}`, failure{narrative.Invalid, "until: must be a time such as 2026-01-02T15:04:05Z, not 1h"}},
		"acknowledge until a number":   {narrative.SignalAcknowledge, `{"until":7}`, failure{narrative.Invalid, "until: must be a time such as 2026-01-02T15:04:05Z, in quotes"}},
		"acknowledge by a number":      {narrative.SignalAcknowledge, `{"by":7}`, failure{narrative.Invalid, "by: must be a string, not number"}},
		"snooze for ever":              {narrative.SignalSnooze, `{"reason":"never mind"}`, failure{narrative.Invalid, "snooze takes exactly one of until and for"}},
		"snooze for and until":         {narrative.SignalSnooze, `{"for":"1h","until":"2026-03-01T12:00:05Z"}`, failure{narrative.Invalid, "snooze takes exactly one of until and for"}},
		"snooze for no time":           {narrative.SignalSnooze, `{"for":"0s"}`, failure{narrative.Invalid, "snooze takes exactly one of until and for"}},
		"snooze for under a second":    {narrative.SignalSnooze, `{"for":"10ms"}`, failure{narrative.Invalid, "for: must be from 1s to 3650d; not 10ms"}},
		"snooze into the past":         {narrative.SignalSnooze, `{"for":"-1h"}`, failure{narrative.Invalid, "for: must be from 1s to 3650d; not -1h"}},
		"snooze for a lifetime":        {narrative.SignalSnooze, `{"for":"3651d"}`, failure{narrative.Invalid, "for: must be from 1s to 3650d; not 3651d"}},
		"snooze for what is no while":  {narrative.SignalSnooze, `{"for":"long"}`, failure{narrative.Invalid, `for: "long" is not a duration such as 90s, 5m, 1h or 30d`}},
		"snooze for a number":          {narrative.SignalSnooze, `{"for":60}`, failure{narrative.Invalid, `for: 60 is not a duration such as "90s", "5m", "1h" or "30d"`}},
		"diagnose a step":              {narrative.SignalDiagnose, `{"step_id":"s1"}`, failure{narrative.Invalid, "step_id: diagnose takes no such field (it takes: by, reason)"}},
		"diagnose for no string":       {narrative.SignalDiagnose, `{"reason":["x"]}`, failure{narrative.Invalid, "reason: must be a string, not array"}},
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
	// An issue with a step of each state, whose id is the state.
	open := narrative.Issue{ID: "i1", Status: narrative.StatusImpasse}
	for _, state := range []narrative.StepState{
		narrative.StepProposed, narrative.StepAwaitingApproval, narrative.StepRunning, narrative.StepApplied, narrative.StepFailed,
		narrative.StepUnknown, narrative.StepRolledBack, narrative.StepRejected,
	} {
		open.Steps = append(open.Steps, narrative.ResolutionStep{ID: string(state), Action: narrative.Exec, State: state, Digest: "d-" + string(state)})
	}
	again := narrative.Plan{{Action: "again"}}
	open.Steps = append(open.Steps,
		narrative.ResolutionStep{ID: "pass", Action: narrative.Pass, State: narrative.StepPassed},
		narrative.ResolutionStep{ID: "again", Action: narrative.Exec, State: narrative.StepRunning, Digest: must(again.Digest())},
		narrative.ResolutionStep{ID: "again failed", Action: narrative.Exec, State: narrative.StepFailed, Digest: must(again.Digest())})
	closed := narrative.Issue{ID: "i1", Status: narrative.StatusWontFix, Steps: open.Steps}
	isClosed := &failure{narrative.Conflict, isWontFix}
	conflict := func(text string) *failure { return &failure{narrative.Conflict, text} }
	choose := func(id string) narrative.Signal { return narrative.Signal{Name: narrative.SignalSolution, StepID: id} }
	approve := func(id, digest string) narrative.Signal {
		return narrative.Signal{Name: narrative.SignalApprove, StepID: id, Digest: digest}
	}
	reject := func(id, digest string) narrative.Signal {
		return narrative.Signal{Name: narrative.SignalReject, StepID: id, Digest: digest, Reason: "no"}
	}
	const otherDigest = "the digest is not that of step awaiting_approval's plan, which is d-awaiting_approval; nothing was changed: look at the plan again"
	for name, tt := range map[string]struct {
		signal narrative.Signal
		issue  narrative.Issue
		want   *failure
	}{
		"a proposed step may be chosen":    {choose("proposed"), open, nil},
		"one that waits for approval, too": {choose("awaiting_approval"), open, nil},
		"a rejected one, after all":        {choose("rejected"), open, nil},
		"one that was rolled back":         {choose("rolled_back"), open, nil},
		"a failed step may be tried again": {choose("failed"), open, nil},
		"an unknown one, too":              {choose("unknown"), open, nil},
		"a plan may be brought along":      {narrative.Signal{Name: narrative.SignalSolution, Plan: narrative.Plan{{Action: "a"}}}, open, nil},
		"a comment may always be made":     {narrative.Signal{Name: narrative.SignalComment, Text: "x"}, open, nil},
		"a time to come may be given":      {narrative.Signal{Name: narrative.SignalWontFix, Reason: "x", Until: until(1)}, open, nil},
		"a time that is past may not":      {narrative.Signal{Name: narrative.SignalWontFix, Reason: "x", Until: until(-1)}, open, &failure{narrative.Invalid, "until: " + at(-1).Format("2006-01-02 15:04:05 UTC") + " lies in the past"}},
		"a plan that is being carried out": {narrative.Signal{Name: narrative.SignalSolution, Plan: again}, open, &failure{narrative.Conflict, "the same plan is being carried out already, as step again"}},
		"one that is carried out again":    {choose("again failed"), open, &failure{narrative.Conflict, "the same plan is being carried out already, as step again"}},
		"a running step may not be chosen": {choose("running"), open, &failure{narrative.Conflict, "step running is being carried out already"}},
		"an applied step may not":          {choose("applied"), open, &failure{narrative.Conflict, "step applied has been carried out already"}},
		"a pass may not":                   {choose("pass"), open, &failure{narrative.Invalid, "step_id: step pass proposes pass: it has no plan to carry out"}},
		"a step that is not there may not": {choose("gone"), open, &failure{narrative.Invalid, "step_id: issue i1 has no step gone"}},
		"what waits may be approved":       {approve("awaiting_approval", "d-awaiting_approval"), open, nil},
		"what waits may be rejected":       {reject("awaiting_approval", "d-awaiting_approval"), open, nil},
		"without a digest, too":            {reject("awaiting_approval", ""), open, nil},
		"an approval of another plan":      {approve("awaiting_approval", "d2"), open, conflict(otherDigest)},
		"a rejection of another plan":      {reject("awaiting_approval", "d2"), open, conflict(otherDigest)},
		"a digest in capitals is another":  {approve("awaiting_approval", "D-AWAITING_APPROVAL"), open, conflict(otherDigest)},
		"approved twice, it runs":          {approve("running", "d-running"), open, nil},
		"approved twice, it has run":       {approve("applied", "d-applied"), open, nil},
		"approved twice with another plan": {approve("running", "d2"), open, conflict("the digest is not that of step running's plan, which is d-running; nothing was changed: look at the plan again")},
		"rejected twice":                   {reject("rejected", "d-rejected"), open, nil},
		"rejected, then approved":          {approve("rejected", "d-rejected"), open, conflict("step rejected does not wait for approval: it is rejected")},
		"approved, then rejected":          {reject("running", "d-running"), open, conflict("step running does not wait for approval: it is running")},
		"carried out, then rejected":       {reject("applied", "d-applied"), open, conflict("step applied does not wait for approval: it is applied")},
		"what does not wait, approved":     {approve("proposed", "d-proposed"), open, conflict("step proposed does not wait for approval: it is proposed")},
		"what failed, approved":            {approve("failed", "d-failed"), open, conflict("step failed does not wait for approval: it is failed")},
		"a pass, approved":                 {approve("pass", ""), open, &failure{narrative.Invalid, "step_id: step pass proposes pass: there is nothing to approve"}},
		"a pass, rejected":                 {reject("pass", ""), open, &failure{narrative.Invalid, "step_id: step pass proposes pass: there is nothing to approve"}},
		"what is not there, approved":      {approve("gone", "d-gone"), open, &failure{narrative.Invalid, "step_id: issue i1 has no step gone"}},
		"what is not there, rejected":      {reject("gone", ""), open, &failure{narrative.Invalid, "step_id: issue i1 has no step gone"}},
		"acknowledged until a past time":   {narrative.Signal{Name: narrative.SignalAcknowledge, Until: until(-1)}, open, &failure{narrative.Invalid, "until: 2026-03-01 11:59:59 UTC lies in the past"}},
		"snoozed until now":                {narrative.Signal{Name: narrative.SignalSnooze, Until: until(0)}, open, &failure{narrative.Invalid, "until: 2026-03-01 12:00:00 UTC lies in the past"}},
		"snoozed for a while":              {narrative.Signal{Name: narrative.SignalSnooze, For: duration("1h")}, open, nil},
		"a round may always be asked for":  {narrative.Signal{Name: narrative.SignalDiagnose}, open, nil},
		"a closed issue takes no comment":  {narrative.Signal{Name: narrative.SignalComment}, closed, isClosed},
		"a closed issue takes no solution": {choose("proposed"), closed, isClosed},
		"a closed issue takes no approval": {approve("awaiting_approval", "d-awaiting_approval"), closed, isClosed},
		"nor one with a wrong digest":      {approve("awaiting_approval", "d2"), closed, isClosed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			same(t, tt.want, failureOf(tt.signal.Check(tt.issue, at(0))))
		})
	}
}
