package narrative_test

import (
	"testing"
	"time"

	"github.com/narrative-go/narrative"
)

// ask has a person's signal carried out, as the activity does: false where it changed nothing, an error where it was
// refused.
func ask(i *narrative.Issue, s narrative.Signal, now time.Time) (e narrative.Entry, changed bool, err error) {
	if err := s.Check(*i, now); err != nil {
		return narrative.Entry{}, false, err
	}
	changed = true
	switch s.Name {
	case narrative.SignalSolution:
		_, e = i.Choose(s, now)
	case narrative.SignalApprove:
		e, changed = i.Approve(s, now)
	case narrative.SignalReject:
		e, changed = i.Reject(s, now)
	case narrative.SignalAcknowledge:
		e, changed = i.Acknowledge(s, now)
	case narrative.SignalSnooze:
		e, changed = i.Snooze(s, now)
	case narrative.SignalDiagnose:
		e, changed = i.Diagnose(s, now)
	case narrative.SignalResolve, narrative.SignalWontFix:
		e = i.CloseFor(s, now)
	case narrative.SignalComment:
		e, changed = i.Comment(s, now)
	}
	return e, changed, nil
}

// withStep is an issue with one step of that id and state, which proposes a plan of digest d1, and a pass after it.
func withStep(state narrative.StepState, edits ...func(*narrative.Issue)) *narrative.Issue {
	i := failing(edits...)
	i.Idle, i.NextRoundAt = 2, at(50)
	i.Steps = []narrative.ResolutionStep{
		{ID: "s1", Case: "restart", Action: narrative.Exec, Digest: "d1", State: state, Count: 1, Solution: &narrative.Solution{ID: "s1"}},
		{ID: "s2", Case: "wait", Action: narrative.Pass, State: narrative.StepPassed, Count: 1},
	}
	return i
}

func wontFix(i *narrative.Issue) { i.Status, i.ResolvedAt = narrative.StatusWontFix, until(5) }

func approvalOf(step string) func(*narrative.Issue) {
	return func(i *narrative.Issue) {
		approvalSince(60, until(600))(i)
		i.Awaiting.StepID = step
	}
}

// situations are an issue in every status, and in what it may be in beside.
var situations = map[string]func() *narrative.Issue{
	"open":                  func() *narrative.Issue { return withStep(narrative.StepProposed, notified(60, 2)) },
	"open, worked on":       func() *narrative.Issue { return withStep(narrative.StepRunning, working) },
	"open, for approval":    func() *narrative.Issue { return withStep(narrative.StepAwaitingApproval, approvalOf("s1")) },
	"applied":               func() *narrative.Issue { return withStep(narrative.StepApplied, applied(1), verifiedAt(200)) },
	"applied, for approval": func() *narrative.Issue { return withStep(narrative.StepAwaitingApproval, applied(1), approvalOf("s1")) },
	"impasse":               func() *narrative.Issue { return withStep(narrative.StepFailed, awaitedSince(60)) },
	"resolved":              func() *narrative.Issue { return withStep(narrative.StepApplied, closedAt(5)) },
	"won't fix":             func() *narrative.Issue { return withStep(narrative.StepProposed, wontFix) },
}

const (
	isResolved = "issue i1 is closed (resolved); a signal can no longer change it"
	isWontFix  = "issue i1 is closed (wont_fix); a signal can no longer change it"
)

// attended asks the same of an issue in every situation, twice, and compares: once what is said, what is refused, or
// nothing; and the issue, which what is not named here leaves as it is.
func attended(t *testing.T, s narrative.Signal, want map[string]attendance) {
	t.Helper()
	want["resolved"], want["won't fix"] = attendance{refused: isResolved, again: isResolved}, attendance{refused: isWontFix, again: isWontFix}
	for name, situation := range situations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := want[name]
			then := situation()
			if w.then != nil {
				w.then(then)
			}
			i := situation()
			heard(t, i, s, at(100), w.said, w.refused)
			same(t, then, i)
			heard(t, i, s, at(110), "", w.again)
			same(t, then, i)
		})
	}
}

// heard asks and compares what is said, or why it is refused; neither where nothing changes.
func heard(t *testing.T, i *narrative.Issue, s narrative.Signal, now time.Time, said, refused string) {
	t.Helper()
	e, changed, err := ask(i, s, now)
	if err != nil {
		same(t, refused, err.Error())
		return
	}
	same(t, "", refused)
	want := narrative.Entry{}
	if said != "" {
		want = narrative.Entry{At: now, Kind: narrative.EntrySignal, By: s.By, Text: said}
	}
	same(t, want, e)
	same(t, said != "", changed)
}

// attendance is what comes of asking something.
type attendance struct {
	said    string                 // empty: it changed nothing
	refused string                 // empty: it was not
	then    func(*narrative.Issue) // how the issue differs
	again   string                 // why the same is refused the second time; empty: it changes nothing
}

func TestAcknowledge(t *testing.T) {
	t.Parallel()
	took := attendance{said: "acknowledged until 2026-03-01 12:05:00 UTC: I look", then: func(i *narrative.Issue) {
		i.Acknowledged = &narrative.Acknowledgement{By: "ann", At: at(100), Reason: "I look", Until: until(300)}
	}}
	attended(t, narrative.Signal{Name: narrative.SignalAcknowledge, By: "ann", Reason: "I look", Until: until(300)}, map[string]attendance{
		"open": took, "open, worked on": took, "open, for approval": took, "applied": took, "applied, for approval": took, "impasse": took,
	})
	for name, tt := range map[string]struct {
		before narrative.Acknowledgement
		signal narrative.Signal
		said   string // empty: it changes nothing
	}{
		"by somebody else is another":   {narrative.Acknowledgement{By: "ann"}, narrative.Signal{By: "bob"}, "acknowledged"},
		"for another reason is another": {narrative.Acknowledgement{By: "ann"}, narrative.Signal{By: "ann", Reason: "I look"}, "acknowledged: I look"},
		"until another time is another": {
			narrative.Acknowledgement{By: "ann", Until: until(200)}, narrative.Signal{By: "ann", Until: until(300)}, "acknowledged until 2026-03-01 12:05:00 UTC",
		},
		"until recovery is another": {narrative.Acknowledgement{By: "ann", Until: until(200)}, narrative.Signal{By: "ann"}, "acknowledged"},
		"until the same time elsewhere is the same": {
			narrative.Acknowledgement{By: "ann", Until: until(300)},
			narrative.Signal{By: "ann", Until: in(until(300), "Europe/Paris")},
			"",
		},
		"until recovery twice is the same": {narrative.Acknowledgement{By: "ann"}, narrative.Signal{By: "ann"}, ""},
	} {
		t.Run("another one "+name, func(t *testing.T) {
			t.Parallel()
			i := failing(func(i *narrative.Issue) { i.Acknowledged = &tt.before })
			tt.signal.Name = narrative.SignalAcknowledge
			heard(t, i, tt.signal, at(100), tt.said, "")
		})
	}
}

// in is the same time as the clocks of a place show it.
func in(moment *time.Time, place string) *time.Time {
	there := moment.In(must(time.LoadLocation(place)))
	return &there
}

func TestSnooze(t *testing.T) {
	t.Parallel()
	took := attendance{said: "snoozed until 2026-03-01 12:05:00 UTC: tonight", then: snoozed(300)}
	attended(t, narrative.Signal{Name: narrative.SignalSnooze, By: "ann", Reason: "tonight", Until: until(300)}, map[string]attendance{
		"open": took, "open, worked on": took, "open, for approval": took, "applied": took, "applied, for approval": took, "impasse": took,
	})
	t.Run("for a while lasts from when it is heard", func(t *testing.T) {
		t.Parallel()
		i := failing(snoozed(300))
		heard(t, i, narrative.Signal{Name: narrative.SignalSnooze, For: duration("200s")}, at(100), "", "")
		heard(t, i, narrative.Signal{Name: narrative.SignalSnooze, For: duration("50s")}, at(100), "snoozed until 2026-03-01 12:02:30 UTC", "")
		same(t, until(150), i.SnoozedUntil)
	})
}

func TestApprove(t *testing.T) {
	t.Parallel()
	carriedOut := attendance{said: "approved: the plan of restart is carried out: go", then: func(i *narrative.Issue) {
		i.Steps[0].State = narrative.StepRunning
		i.Working, i.Awaiting, i.NotifiedAt, i.Idle = true, nil, nil, 0
	}}
	const proposed = "step s1 does not wait for approval: it is proposed"
	const failed = "step s1 does not wait for approval: it is failed"
	attended(t, narrative.Signal{Name: narrative.SignalApprove, By: "ann", Reason: "go", StepID: "s1", Digest: "d1"}, map[string]attendance{
		"open": {refused: proposed, again: proposed}, "open, worked on": {}, "open, for approval": carriedOut,
		"applied": {}, "applied, for approval": carriedOut, "impasse": {refused: failed, again: failed},
	})
}

func TestReject(t *testing.T) {
	t.Parallel()
	refused := attendance{said: "rejected: the plan of restart is not carried out: too risky: impasse", then: func(i *narrative.Issue) {
		i.Steps[0].State = narrative.StepRejected
		i.Renotified = 0
		awaitedSince(100)(i)
	}}
	no := func(state string) attendance {
		refusal := "step s1 does not wait for approval: it is " + state
		return attendance{refused: refusal, again: refusal}
	}
	attended(t, narrative.Signal{Name: narrative.SignalReject, By: "ann", Reason: "too risky", StepID: "s1", Digest: "d1"}, map[string]attendance{
		"open": no("proposed"), "open, worked on": no("running"), "open, for approval": refused,
		"applied": no("applied"), "applied, for approval": refused, "impasse": no("failed"),
	})
}

func TestStale(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"open, for approval", "applied, for approval"} {
		t.Run("diagnoses again what is "+name, func(t *testing.T) {
			t.Parallel()
			i, then := situations[name](), situations[name]()
			then.Steps[0].State = narrative.StepRejected
			then.Working, then.Awaiting, then.NotifiedAt = true, nil, nil
			same(t, narrative.Entry{
				At: at(100), Kind: narrative.EntrySignal, By: "ann",
				Text: "approved too late: restart no longer proposes that plan, which is not carried out; it is diagnosed again",
			}, i.Stale(narrative.Signal{Name: narrative.SignalApprove, By: "ann", StepID: "s1", Digest: "d1"}, at(100)))
			same(t, then, i)
			start, _ := i.BeginRound(0, 3, at(100))
			same(t, narrative.RoundStarted, start)
		})
	}
	t.Run("a plan that a person brought along is a person's", func(t *testing.T) {
		t.Parallel()
		i := situations["open, for approval"]()
		i.Steps[0].Case = ""
		e, _, _ := ask(i, narrative.Signal{Name: narrative.SignalReject, StepID: "s1"}, at(100))
		same(t, "rejected: the plan of a person is not carried out: impasse", e.Text)
	})
}

func TestDiagnose(t *testing.T) {
	t.Parallel()
	begins := func(status narrative.Status, step narrative.StepState) attendance {
		return attendance{said: "a round of diagnosis is asked for: it is quiet now", then: func(i *narrative.Issue) {
			i.Status, i.Steps[0].State = status, step
			i.Working, i.Awaiting, i.NotifiedAt, i.Idle = true, nil, nil, 0
		}}
	}
	attended(t, narrative.Signal{Name: narrative.SignalDiagnose, By: "ann", Reason: "it is quiet now"}, map[string]attendance{
		"open":                  begins(narrative.StatusOpen, narrative.StepProposed),
		"open, worked on":       {},
		"open, for approval":    begins(narrative.StatusOpen, narrative.StepProposed),
		"applied":               begins(narrative.StatusSolutionApplied, narrative.StepApplied),
		"applied, for approval": begins(narrative.StatusSolutionApplied, narrative.StepProposed),
		"impasse":               begins(narrative.StatusOpen, narrative.StepFailed),
	})
	t.Run("begins a round even where a person has asked for quiet", func(t *testing.T) {
		t.Parallel()
		i := failing(acknowledged(nil), later)
		_, _, _ = ask(i, narrative.Signal{Name: narrative.SignalDiagnose}, at(100))
		start, _ := i.BeginRound(0, 3, at(100))
		same(t, narrative.RoundStarted, start)
	})
	t.Run("begins one even where enough was tried", func(t *testing.T) {
		t.Parallel()
		i := failing(applied(3))
		_, _, _ = ask(i, narrative.Signal{Name: narrative.SignalDiagnose}, at(100))
		start, _ := i.BeginRound(0, 3, at(100))
		same(t, narrative.RoundStarted, start)
	})
}

func TestComment(t *testing.T) {
	t.Parallel()
	comment := narrative.Signal{Name: narrative.SignalComment, By: "ann", Text: "I look"}
	said := func(by, text string, kind narrative.EntryKind) func(*narrative.Issue) {
		return func(i *narrative.Issue) {
			i.Newest = &narrative.Entry{Number: 7, At: at(90), Kind: kind, By: by, Text: text}
		}
	}
	for name, tt := range map[string]struct {
		issue *narrative.Issue
		want  bool
	}{
		"is taken down":                    {failing(), true},
		"is not where it was said last":    {failing(said("ann", "I look", narrative.EntryComment)), false},
		"is where somebody else said it":   {failing(said("bob", "I look", narrative.EntryComment)), true},
		"is where something else was said": {failing(said("ann", "I looked", narrative.EntryComment)), true},
		"is where it was no comment":       {failing(said("ann", "I look", narrative.EntrySignal)), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			then, entry := *tt.issue, narrative.Entry{}
			if tt.want {
				entry = narrative.Entry{At: at(100), Kind: narrative.EntryComment, By: "ann", Text: "I look"}
			}
			got, changed, err := ask(tt.issue, comment, at(100))
			same(t, nil, failureOf(err))
			same(t, tt.want, changed)
			same(t, entry, got)
			same(t, &then, tt.issue)
		})
	}
}

func TestReopen(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		issue *narrative.Issue
		text  string
		muted *time.Time
		want  *failure
	}{
		"lifts a won't fix for ever":         {failing(wontFix), "reopened: won't fix is lifted: it matters", until(100), nil},
		"lifts one until a time":             {failing(wontFix, muted(200)), "reopened: won't fix is lifted: it matters", until(100), nil},
		"leaves one that has ended":          {failing(wontFix, muted(90)), "reopened: it matters", until(90), nil},
		"leaves one that was lifted already": {failing(wontFix, muted(100)), "reopened: it matters", until(100), nil},
		"leaves a resolved issue":            {failing(closedAt(5)), "reopened: it matters", nil, nil},
		"is refused for an open issue":       {failing(), "", nil, &failure{narrative.Conflict, "issue i1 is not closed (open)"}},
		"is refused at an impasse":           {failing(awaitedSince(60)), "", nil, &failure{narrative.Conflict, "issue i1 is not closed (impasse)"}},
		"is refused after a solution":        {failing(applied(1)), "", nil, &failure{narrative.Conflict, "issue i1 is not closed (solution_applied)"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			then, entry := *tt.issue, narrative.Entry{}
			then.MutedUntil = tt.muted
			if tt.want == nil {
				entry = narrative.Entry{At: at(100), Kind: narrative.EntrySignal, By: "ann", Text: tt.text}
			}
			got, err := tt.issue.Reopen(" ann ", "it matters", at(100))
			same(t, tt.want, failureOf(err))
			same(t, entry, got)
			same(t, &then, tt.issue)
		})
	}
}

func muted(seconds int) func(*narrative.Issue) {
	return func(i *narrative.Issue) { i.MutedUntil = until(seconds) }
}
