package narrative

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Explain tells an issue's whole story as text: where it stands, its resolution steps with what became of their
// actions, who was told, its timeline, and the newest checks. now dates what is still going on.
func Explain(s Story, now time.Time) string {
	w := storyWriter{story: s, now: now}
	w.head(s.Issue)
	w.quiet(s.Issue)
	w.ahead(s.Issue)
	w.field(0, "Workflow", s.Issue.WorkflowID)
	w.steps()
	w.notifications()
	w.timeline()
	w.checks()
	return w.String()
}

// MarshalJSON writes the story with no list left null.
func (s Story) MarshalJSON() ([]byte, error) {
	type plain Story
	whole := plain(s)
	whole.Issue.Steps = make([]ResolutionStep, len(s.Issue.Steps))
	for n, step := range s.Issue.Steps {
		if step.Solution != nil && step.Solution.Plan == nil {
			solution := *step.Solution
			solution.Plan = Plan{}
			step.Solution = &solution
		}
		whole.Issue.Steps[n] = step
	}
	whole.Actions = make(map[string][]ActionRun, len(s.Actions))
	for step, runs := range s.Actions {
		whole.Actions[step] = notNil(runs)
	}
	whole.Entries, whole.Notifications, whole.Runs = notNil(s.Entries), notNil(s.Notifications), notNil(s.Runs)
	return json.Marshal(whole)
}

func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

type storyWriter struct {
	strings.Builder
	story Story
	now   time.Time
}

// put writes a line. Where the text has several, those after the first stand below its beginning.
func (w *storyWriter) put(indent int, label, text string) {
	prefix := strings.Repeat("    ", indent)
	for n, line := range strings.Split(strings.TrimRight(text, " \n"), "\n") {
		if n == 1 {
			label = strings.Repeat(" ", max(len(label), 4))
		}
		w.WriteString(strings.TrimRight(prefix+label+line, " ") + "\n")
	}
}

// line writes a line without a label.
func (w *storyWriter) line(indent int, format string, args ...any) {
	w.put(indent, "", fmt.Sprintf(format, args...))
}

// field writes a line with a label, where there is something to write.
func (w *storyWriter) field(indent int, label, text string) {
	if text != "" {
		w.put(indent, fmt.Sprintf("%-10s", label+":"), text)
	}
}

// section begins a part of the story.
func (w *storyWriter) section(title string, length int, remark string) {
	if length == 0 {
		remark = "none"
	}
	w.line(0, "")
	w.line(0, "%s: %s", title, remark)
}

const storyTime = "2006-01-02 15:04:05 UTC"

func stamp(t time.Time) string { return t.UTC().Format(storyTime) }

func (w *storyWriter) head(i Issue) {
	w.line(0, "Issue %s: %s", i.ID, i.Name())
	if i.Summary != "" {
		w.line(0, "%s", i.Summary)
	}
	w.field(0, "Status", string(i.Status)+w.doing(i))
	w.field(0, "Severity", string(i.Severity))
	w.field(0, "Reason", i.Verdict.Reason)
	if details, err := canonicalOf(i.Verdict.Details); err == nil && len(i.Verdict.Details) > 0 {
		w.field(0, "Details", string(details))
	}
	w.field(0, "Opened", stamp(i.OpenedAt))
	if i.ResolvedAt != nil {
		w.field(0, "Closed", stamp(*i.ResolvedAt)+", after "+Age(i.OpenedAt, *i.ResolvedAt))
	} else {
		w.field(0, "Closed", "never; open for "+Age(i.OpenedAt, w.now))
	}
	if i.Status == StatusWontFix {
		w.field(0, "Muted", w.muted(i.MutedUntil))
	}
	if i.Rounds > 0 {
		w.field(0, "Rounds", fmt.Sprintf("%d of diagnosis; %s carried out unasked", i.Rounds, plural(i.Attempts, "solution")))
	}
}

// doing is what is under way.
func (w *storyWriter) doing(i Issue) string {
	if !i.Working {
		return ""
	}
	for _, s := range i.Steps {
		if s.State == StepRunning {
			return "; the plan of step " + s.ID + " is being carried out"
		}
	}
	return fmt.Sprintf("; round %d of diagnosis is under way", i.Rounds+1)
}

func (w *storyWriter) muted(until *time.Time) string {
	switch {
	case until == nil:
		return "for ever: it opens no more"
	case until.After(w.now):
		return "until " + stamp(*until)
	default:
		return "no longer, since " + stamp(*until)
	}
}

// quiet is what people asked for.
func (w *storyWriter) quiet(i Issue) {
	if a := i.Acknowledged; a != nil {
		end := "recovery"
		if a.Until != nil {
			end = stamp(*a.Until)
		}
		w.field(0, "Quiet", fmt.Sprintf("acknowledged%s at %s, until %s%s", byWhom(a.By), stamp(a.At), end, because(a.Reason)))
	}
	if i.SnoozedUntil != nil {
		w.field(0, "Quiet", "snoozed until "+stamp(*i.SnoozedUntil))
	}
}

// ahead is what the issue waits for.
func (w *storyWriter) ahead(i Issue) {
	if a := i.Awaiting; a != nil {
		text := "a person's " + a.For
		if a.StepID != "" {
			text += " of step " + a.StepID
		}
		text += fmt.Sprintf(" since %s, for %s", stamp(a.Since), Age(a.Since, w.now))
		if a.Until != nil {
			text += ", until " + stamp(*a.Until)
		}
		w.field(0, "Awaits", text)
	}
	if i.VerifyAt != nil {
		w.field(0, "Verify", "at "+stamp(*i.VerifyAt))
	}
	if i.NextRoundAt.After(w.now) && !i.Status.Closed() && i.Awaiting == nil && !i.Working {
		w.field(0, "Rests", "no round of diagnosis before "+stamp(i.NextRoundAt))
	}
	if i.Renotified > 0 {
		w.field(0, "Reminded", plural(i.Renotified, "time"))
	}
	if i.Escalated > 0 {
		w.field(0, "Raised", fmt.Sprintf("to level %d of escalation", i.Escalated))
	}
}

func (w *storyWriter) steps() {
	steps := w.story.Issue.Steps
	w.section("Resolution steps", len(steps), "")
	for n, step := range steps {
		w.line(1, "%d. %s, %s at %s: %s%s", n+1, step.Action, proposedBy(step), stamp(step.At), step.State, inARow(step.Count))
		w.field(2, "Step", step.ID)
		w.field(2, "Reason", step.Reason)
		if step.Solution != nil {
			w.solution(step, *step.Solution)
		}
	}
}

func proposedBy(s ResolutionStep) string {
	switch {
	case s.Case == "":
		return "brought along by a person"
	case s.Round == 0:
		return "proposed by case " + s.Case
	default:
		return fmt.Sprintf("proposed by case %s in round %d", s.Case, s.Round)
	}
}

func inARow(count int) string {
	if count > 1 {
		return fmt.Sprintf(" (%d times in a row)", count)
	}
	return ""
}

func (w *storyWriter) solution(step ResolutionStep, solution Solution) {
	if solution.Problem != step.Reason {
		w.field(2, "Problem", solution.Problem)
	}
	w.field(2, "Digest", step.Digest)
	w.field(2, "Approval", w.approval(step))
	if wait := step.Policy.VerifyAfter; wait > 0 {
		w.field(2, "Verify", wait.String()+" after it was carried out")
	}
	if step.UnaskedAt != nil {
		w.field(2, "Begun", stamp(*step.UnaskedAt)+", unasked")
	}
	w.field(2, "Enacted", orNever(solution.EnactedAt))
	w.field(2, "Failed", solution.Error)
	w.line(2, "Plan:")
	for n, a := range solution.Plan {
		w.action(fmt.Sprintf("%d. ", n+1), a, step, ActionRef{Index: n})
	}
	w.rollback(step, solution.Rollback)
}

// approval tells whether the step waits for approval, or would have to.
func (w *storyWriter) approval(step ResolutionStep) string {
	text := ""
	if step.Policy.Approval == ApprovalRequired {
		text = "required"
	}
	if step.State == StepAwaitingApproval {
		text = "awaited"
		if a := w.story.Issue.Awaiting; a != nil && a.StepID == step.ID {
			text += " since " + stamp(a.Since)
		}
	}
	if wait := step.Policy.ApprovalTimeout; wait > 0 && text != "" {
		text += "; escalated after " + wait.String()
	}
	return text
}

// rollback tells what undoes the plan, in the order in which it is run.
func (w *storyWriter) rollback(step ResolutionStep, undo Plan) {
	if len(undo) > 0 {
		w.line(2, "Rollback:")
	}
	for n := len(undo) - 1; n >= 0; n-- {
		if undo[n].Action != "" {
			w.action(fmt.Sprintf("of %d. ", n+1), undo[n], step, ActionRef{Index: n, Rollback: true})
		}
	}
}

func (w *storyWriter) action(label string, a Action, step ResolutionStep, ref ActionRef) {
	text, state := a.Action, "not run"
	if args, err := CanonicalJSON(a.Args); err == nil && string(args) != "{}" {
		text += " " + string(args)
	}
	for _, r := range w.story.Actions[step.ID] {
		if r.Index == ref.Index && r.Rollback == ref.Rollback {
			state = w.ran(r, step.State == StepRunning)
		}
	}
	w.put(3, label, text)
	w.put(4, "", state)
}

// ran is what became of an action.
func (w *storyWriter) ran(r ActionRun, running bool) string {
	text := string(r.State)
	switch {
	case r.FinishedAt != nil && !r.StartedAt.IsZero():
		text += " in " + took(r.StartedAt, *r.FinishedAt)
	case running && r.State == ActionStarted:
		text += " at " + stamp(r.StartedAt) + ", running for " + Age(r.StartedAt, w.now)
	case r.State == ActionStarted:
		text += " at " + stamp(r.StartedAt) + ", and it is not known whether it happened"
	}
	text += ", " + plural(r.Attempts, "attempt")
	if r.Receipt != "" {
		text += ", " + r.Receipt
	}
	return text + because(r.Error)
}

func (w *storyWriter) notifications() {
	all, lost := w.story.Notifications, 0
	for _, n := range all {
		if n.State == NotificationUndelivered {
			lost++
		}
	}
	remark := ""
	if lost > 0 {
		remark = fmt.Sprintf("%d of %s UNDELIVERED", lost, plural(len(all), "message"))
	}
	w.section("Told", len(all), remark)
	for _, n := range all {
		w.notification(n)
	}
}

func (w *storyWriter) notification(n Notification) {
	what := fmt.Sprintf("%s to %s by %s: %s", n.Kind, n.Recipient, n.Channel, n.Message.Subject)
	state := string(n.State)
	switch n.State {
	case NotificationUndelivered:
		what = "UNDELIVERED " + what
	case NotificationPending:
		state += " since " + stamp(n.CreatedAt)
	case NotificationSent:
		state += " " + orNever(n.SentAt)
	}
	if n.Attempts > 0 {
		state += ", " + plural(n.Attempts, "attempt")
	}
	if n.Receipt != "" {
		state += ", " + n.Receipt
	}
	if n.State != NotificationSent {
		state += because(n.LastError)
	}
	w.line(1, "%s", what)
	w.line(2, "%s", state)
}

func (w *storyWriter) timeline() {
	w.section("Timeline", len(w.story.Entries), "")
	for _, e := range w.story.Entries {
		by := ""
		switch {
		case e.Kind == EntryComment:
			by = "comment" + byWhom(e.By) + ": "
		case e.By != "":
			by = e.By + ": "
		}
		w.put(1, fmt.Sprintf("%s  %-9s ", stamp(e.At), "+"+Age(w.story.Issue.OpenedAt, e.At)), by+e.Text)
	}
}

func (w *storyWriter) checks() {
	w.section("Newest checks", len(w.story.Runs), "")
	for _, r := range w.story.Runs {
		outcome := string(r.Outcome)
		if !r.StartedAt.IsZero() {
			outcome += " in " + took(r.StartedAt, r.FinishedAt)
		}
		w.put(1, stamp(r.FinishedAt)+"  ", outcome+because(r.Summary))
	}
}

func orNever(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return stamp(*t)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// took is how long something short went on, in milliseconds up to ten seconds.
func took(from, to time.Time) string {
	if d := max(to.Sub(from), 0); d < 10*time.Second {
		return Duration(d.Round(time.Millisecond)).String()
	}
	return Age(from, to)
}

// Age is how long it was from one time to another, in whole seconds, or whole minutes beyond an hour, in words for
// people: 42s, 5m3s, 2d4h10m.
func Age(from, to time.Time) string {
	d := max(to.Sub(from), 0).Round(time.Second)
	if d >= time.Hour {
		d = d.Round(time.Minute)
	}
	return Duration(d).String()
}
