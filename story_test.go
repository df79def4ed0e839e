package narrative_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/narrative-go/narrative"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares text with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	same(t, strings.Split(string(want), "\n"), strings.Split(got, "\n"))
}

// told is a story as it goes on: the issue, and what the store keeps beside it.
type told struct {
	narrative.Story
}

// entry takes down what happened.
func (s *told) entry(e narrative.Entry) {
	e.Number = len(s.Entries) + 1
	s.Entries = append(s.Entries, e)
}

// propose adds a proposal with a name for an id.
func (s *told) propose(name string, step *narrative.ResolutionStep, seconds int) []narrative.Proposed {
	i := &s.Issue
	step.Round = i.Rounds + 1
	if step.Solution != nil {
		step.Digest = must(step.Solution.Plan.Digest())
	}
	id, fresh := i.AddProposal(*step, at(seconds))
	if fresh {
		i.Steps[len(i.Steps)-1].ID, id = name, name
	}
	s.entry(narrative.Entry{At: at(seconds), Kind: narrative.EntryProposal, Text: fmt.Sprintf("case %s proposes %s: %s", step.Case, step.Action, step.Reason)})
	return []narrative.Proposed{{StepID: id, Action: step.Action, Fresh: fresh}}
}

// tell adds a message that was sent a second later.
func (s *told) tell(seconds int, kind narrative.NotificationKind, to, subject string) *narrative.Notification {
	s.Notifications = append(s.Notifications, narrative.Notification{
		Kind: kind, Channel: narrative.ChannelEmail, Recipient: to, Message: narrative.Message{Subject: subject},
		State: narrative.NotificationSent, Attempts: 1, Receipt: fmt.Sprintf("<%d@localhost>", len(s.Notifications)+1),
		CreatedAt: at(seconds), SentAt: until(seconds + 1),
	})
	return &s.Notifications[len(s.Notifications)-1]
}

// ran adds what became of an action of a step.
func (s *told) ran(step string, r narrative.ActionRun, from, milliseconds int) {
	r.StartedAt = at(from)
	if r.State != narrative.ActionStarted {
		end := r.StartedAt.Add(time.Duration(milliseconds) * time.Millisecond)
		r.FinishedAt = &end
	}
	s.Actions[step] = append(s.Actions[step], r)
}

func (s *told) checked(seconds int, outcome narrative.Outcome, summary string) {
	s.Runs = append([]narrative.CheckRun{{
		StartedAt: at(seconds).Add(-120 * time.Millisecond), FinishedAt: at(seconds), Outcome: outcome, Summary: summary,
	}}, s.Runs...)
}

// newStory is that of an invoice that does not balance, from its opening on.
func newStory() *told {
	const summary = "invoice 7 is off by 5"
	s := &told{Story: narrative.Story{Actions: map[string][]narrative.ActionRun{}, Issue: narrative.Issue{
		ID: "0195", WorkflowID: "issue/invoices-balance/invoice/7", Assertion: "invoices-balance", Kind: narrative.KindRecord, Record: rec("7"),
		Status: narrative.StatusOpen, Severity: narrative.SeverityCritical, Summary: summary, OpenedAt: at(0),
		Verdict: narrative.Verdict{Summary: summary, Reason: "lines", Details: map[string]any{"total": 12, "lines_total": 7}},
	}}}
	s.checked(0, narrative.OutcomeFailed, "1 record violates it")
	s.entry(narrative.Entry{At: at(0), Kind: narrative.EntryOpened, Text: "opened: " + summary})
	return s
}

// policy of these stories' assertion, which is checked every five minutes.
func storyPolicy(p *narrative.Policy) {
	p.Interval = 5 * time.Minute
	p.Escalate = levels(level("1h", "cto@example.com"))
}

// wait is the round that waits for the nightly run.
func (s *told) wait(seconds int) {
	i := &s.Issue
	_, e := i.BeginRound(10, 3, at(seconds))
	s.entry(e)
	_, e = i.EndRound(s.propose("0195-a", pass("the nightly run may repair it"), seconds), ruled(storyPolicy), fine, at(seconds))
	s.entry(e)
}

// fail is the round whose plan stops half-way and is rolled back: the issue is at an impasse.
func (s *told) fail(seconds int) {
	i := &s.Issue
	_, e := i.BeginRound(11, 3, at(seconds))
	s.entry(e)
	s.entry(narrative.Entry{At: at(seconds), Kind: narrative.EntryCaseError, Text: "case look-it-up failed: dial tcp: connection refused"})
	step := plan("recalculate")
	step.Solution.Problem = "the sum of invoice 7 is stale"
	step.Solution.Plan = narrative.Plan{
		narrative.Do("lock", map[string]string{"invoice": "7"}),
		narrative.Do("webhook", map[string]string{"url": "https://shop.internal/recalculate?a=1&b=2", "method": "POST"}),
		narrative.Do("email", map[string]string{"to": "billing@example.com", "subject": "Invoice 7"}),
	}
	step.Solution.Rollback = narrative.Plan{narrative.Do("unlock", map[string]string{"invoice": "7"}), {}, narrative.Do("email", nil)}
	proposed := s.propose("0195-b", step, seconds)
	_, e = i.EndRound(proposed, ruled(storyPolicy), fine, at(seconds))
	s.entry(e)
	s.ran("0195-b", narrative.ActionRun{Index: 0, Action: "lock", State: narrative.ActionDone, Attempts: 1}, seconds, 12)
	s.ran("0195-b", narrative.ActionRun{Index: 1, Action: "webhook", State: narrative.ActionFailed, Attempts: 3, Error: "POST https://shop.internal/recalculate: 500\nthe ledger is locked"}, seconds, 7250)
	s.ran("0195-b", narrative.ActionRun{Index: 0, Rollback: true, Action: "unlock", State: narrative.ActionDone, Attempts: 2, Receipt: "lock 31"}, seconds+8, 1500)
	s.entry(i.FinishPlan("0195-b", narrative.Ending{
		Failure: "action 2 of 3, webhook: 500\n*url.Error: POST https://shop.internal/recalculate: 500\n*errors.errorString: the ledger is locked", RolledBack: 1,
	}, at(seconds+10)))
	s.tell(seconds+10, narrative.NotifyImpasse, "ops@example.com", "[Impasse] invoices-balance invoice 7")
	gone := s.tell(seconds+10, narrative.NotifyImpasse, "gone@example.com", "[Impasse] invoices-balance invoice 7")
	gone.State, gone.Attempts, gone.LastError, gone.Receipt, gone.SentAt = narrative.NotificationUndelivered, 5, "550 no such user\nask the postmaster", "", nil
}

// ask is the round whose plan waits for approval.
func (s *told) ask(seconds int) {
	i := &s.Issue
	e, _ := i.Diagnose(narrative.Signal{By: "bob", Reason: "the ledger is unlocked"}, at(seconds))
	s.entry(e)
	_, e = i.BeginRound(0, 3, at(seconds))
	s.entry(e)
	step := supervised("rewrite", "30m")
	step.Policy.VerifyAfter = duration("2m")
	step.Solution.Plan = narrative.Plan{narrative.Do("rewrite", map[string]int{"invoice": 7})}
	_, e = i.EndRound(s.propose("0195-c", step, seconds), ruled(storyPolicy), fine, at(seconds))
	i.Awaiting.StepID = "0195-c"
	s.entry(e)
	s.tell(seconds, narrative.NotifyApproval, "ops@example.com", "[Approval] invoices-balance invoice 7")
}

// meet does what is due.
func (s *told) meet(seconds int) {
	if d, e := s.Issue.Meet(ruled(storyPolicy), at(seconds)); d != nil {
		s.entry(e)
	}
}

// longStory goes from one attempt to the next until the invoice balances again.
func longStory() *told {
	s := newStory()
	i := &s.Issue
	s.wait(0)
	s.wait(300)
	s.fail(600)
	e, _ := i.Acknowledge(narrative.Signal{By: "ann", Reason: "I look into it", Until: until(3000)}, at(700))
	s.entry(e)
	s.entry(narrative.Entry{At: at(710), Kind: narrative.EntryComment, By: "ann", Text: "The ledger is locked.\nBack in an hour."})
	s.meet(3000)
	s.meet(3600)
	s.tell(3600, narrative.NotifyEscalated, "cto@example.com", "[Escalated] invoices-balance invoice 7")
	s.ask(4000)
	s.entry(narrative.Entry{At: at(4100), Kind: narrative.EntryRefused, Text: "the signal approve was refused: digest: is required"})
	s.meet(5800)
	s.tell(5800, narrative.NotifyEscalated, "ops@example.com", "[Escalated] invoices-balance invoice 7")
	e, _ = i.Approve(narrative.Signal{By: "ann", StepID: "0195-c", Reason: "as agreed with billing"}, at(5900))
	s.entry(e)
	s.ran("0195-c", narrative.ActionRun{Index: 0, Action: "rewrite", State: narrative.ActionDone, Attempts: 1, Receipt: "1 row"}, 5900, 75_000)
	i.CurrentSeq = 30
	s.entry(i.FinishPlan("0195-c", narrative.Ending{}, at(5975)))
	s.checked(5990, narrative.OutcomeErrored, "dial tcp: connection refused")
	s.meet(6095)
	s.checked(6096, narrative.OutcomePassed, "all invoices balance")
	e, _ = i.Recover(31, false, at(6097))
	s.entry(e)
	s.tell(6097, narrative.NotifyResolved, "ops@example.com", "[Resolved] [Impasse] invoices-balance invoice 7")
	last := s.tell(6097, narrative.NotifyResolved, "cto@example.com", "[Resolved] [Escalated] invoices-balance invoice 7")
	last.State, last.Attempts, last.Receipt, last.SentAt = narrative.NotificationSuppressed, 0, "", nil
	return s
}

// waitingStory is one that waits for approval, while people have asked for quiet.
func waitingStory() *told {
	s := newStory()
	s.wait(0)
	s.ask(300)
	e, _ := s.Issue.Acknowledge(narrative.Signal{By: "ann"}, at(400))
	s.entry(e)
	e, _ = s.Issue.Snooze(narrative.Signal{By: "bob", For: duration("1h"), Reason: "at lunch"}, at(500))
	s.entry(e)
	last := s.tell(500, narrative.NotifyAction, "billing@example.com", "Invoice 7")
	last.State, last.Attempts, last.LastError, last.Receipt, last.SentAt = narrative.NotificationPending, 2, "421 try again later", "", nil
	return s
}

// runningStory is one whose plan, brought along by a person, is being carried out.
func runningStory() *told {
	s := newStory()
	s.fail(0)
	s.Issue.Renotified, s.Issue.Escalated = 2, 1
	brought := narrative.Plan{narrative.Do("lock", nil), narrative.Do("rewrite", nil), narrative.Do("unlock", nil)}
	_, e := s.Issue.Choose(narrative.Signal{By: "ann", Reason: "by hand", Plan: brought}, at(600))
	s.entry(e)
	s.Issue.Steps[len(s.Issue.Steps)-1].ID = "0195-d"
	s.ran("0195-d", narrative.ActionRun{Index: 0, Action: "lock", State: narrative.ActionDone, Attempts: 1}, 600, 0)
	s.ran("0195-d", narrative.ActionRun{Index: 1, Action: "rewrite", State: narrative.ActionStarted, Attempts: 2, Error: "timeout"}, 601, 0)
	return s
}

func TestExplain(t *testing.T) {
	t.Parallel()
	muted := newStory()
	muted.entry(muted.Issue.CloseFor(narrative.Signal{Name: narrative.SignalWontFix, By: "ann", Reason: "by design", Until: until(86_400)}, at(60)))
	forEver := newStory()
	forEver.entry(forEver.Issue.CloseFor(narrative.Signal{Name: narrative.SignalWontFix, Reason: "by design"}, at(60)))
	diagnosed := newStory()
	diagnosed.wait(0)
	acknowledged(until(900))(&diagnosed.Issue)
	_, e := diagnosed.Issue.BeginRound(12, 3, at(900))
	diagnosed.entry(e)
	reopened := newStory()
	reopened.entry(reopened.Issue.CloseFor(narrative.Signal{Name: narrative.SignalWontFix, By: "ann", Reason: "by design"}, at(60)))
	e, _ = reopened.Issue.Reopen("bob", "it matters after all", at(120))
	reopened.entry(e)
	unsure := newStory()
	unsure.Issue.Steps = []narrative.ResolutionStep{{
		ID: "0195-e", Case: "restart", Action: narrative.Exec, Digest: "d1", State: narrative.StepUnknown, Count: 1, At: at(10),
		Solution: &narrative.Solution{Plan: narrative.Plan{{Action: "restart"}}, Error: "it was cut off"},
	}}
	unsure.ran("0195-e", narrative.ActionRun{Index: 0, Action: "restart", State: narrative.ActionStarted, Attempts: 1}, 12, 0)
	unsure.Issue.VerifyAt, unsure.Issue.NextRoundAt = until(500), at(600)
	bare := narrative.Story{Issue: narrative.Issue{ID: "0197", Assertion: "a", Kind: narrative.KindFailure, Status: narrative.StatusOpen, OpenedAt: at(0)}}
	for name, tt := range map[string]struct {
		story narrative.Story
		now   time.Time
	}{
		"long":           {longStory().Story, at(10_000)},
		"waiting":        {waitingStory().Story, at(600)},
		"running":        {runningStory().Story, at(605)},
		"diagnosed":      {diagnosed.Story, at(901)},
		"muted":          {muted.Story, at(600)},
		"muted_for_ever": {forEver.Story, at(600)},
		"reopened":       {reopened.Story, at(600)},
		"unsure":         {unsure.Story, at(300)},
		"short":          {bare, at(7)},
	} {
		t.Run("a story that is "+name, func(t *testing.T) {
			t.Parallel()
			golden(t, "explain_"+name+".golden", narrative.Explain(tt.story, tt.now))
		})
	}
}

// TestExplainHidesNothing looks for every text of a story in what is told of it.
func TestExplainHidesNothing(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*told{"long": longStory(), "waiting": waitingStory(), "running": runningStory()} {
		t.Run("of the story that is "+name, func(t *testing.T) {
			t.Parallel()
			text := narrative.Explain(s.Story, at(10_000))
			var want []string
			for _, e := range s.Entries {
				want = append(want, e.By, e.Text)
			}
			for _, n := range s.Notifications {
				want = append(want, n.Recipient, n.Receipt, n.LastError, n.Message.Subject)
			}
			for _, step := range s.Issue.Steps {
				want = append(want, step.ID, step.Case, step.Reason, step.Digest, string(step.State))
				if step.Solution != nil {
					want = append(want, step.Solution.Problem, step.Solution.Error)
				}
				for _, r := range s.Actions[step.ID] {
					want = append(want, r.Action, r.Receipt, r.Error)
				}
			}
			for _, r := range s.Runs {
				want = append(want, r.Summary)
			}
			for _, all := range want {
				for _, line := range strings.Split(all, "\n") {
					if !strings.Contains(text, line) {
						t.Errorf("it does not say %q", line)
					}
				}
			}
		})
	}
}

var snake = regexp.MustCompile(`^[a-z0-9]+(_[a-z0-9]+)*$`)

// TestStoryAsJSON looks at every value of a story's JSON.
func TestStoryAsJSON(t *testing.T) {
	t.Parallel()
	noPlan := waitingStory()
	noPlan.Issue.Steps = append(noPlan.Issue.Steps, narrative.ResolutionStep{ID: "none", Action: narrative.Exec, Solution: &narrative.Solution{}})
	noPlan.Actions["none"] = nil
	for name, s := range map[string]narrative.Story{"empty": {}, "long": longStory().Story, "without a plan": noPlan.Story} {
		t.Run("of the story that is "+name, func(t *testing.T) {
			t.Parallel()
			before := asKept(s.Issue)
			var v map[string]any
			if err := json.Unmarshal(mustJSON(s), &v); err != nil {
				t.Fatal(err)
			}
			snakes(t, "", v)
			same(t, asKept(s.Issue), before)
		})
	}
}

// snakes looks that names are snake_case and that no list is null. The keys of actions are ids, those of arguments the
// user's.
func snakes(t *testing.T, path string, v any) {
	t.Helper()
	lists := map[string]bool{"steps": true, "plan": true, "entries": true, "actions": true, "notifications": true, "runs": true}
	switch v := v.(type) {
	case []any:
		for n, one := range v {
			snakes(t, fmt.Sprintf("%s[%d]", path, n), one)
		}
	case map[string]any:
		for name, one := range v {
			ids := path == ".actions"
			if !ids && !snake.MatchString(name) {
				t.Errorf("%s.%s is not snake_case", path, name)
			}
			if one == nil && (ids || lists[name]) {
				t.Errorf("%s.%s is null", path, name)
			}
			if name != "args" {
				snakes(t, path+"."+name, one)
			}
		}
	}
}
