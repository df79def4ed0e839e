package narrative

import (
	"fmt"
	"strings"
	"time"
)

// Explain tells an issue's whole story as text: where it stands, its resolution steps with what became of their
// actions, its notifications, and its timeline. now dates what is still going on.
func Explain(s Story, now time.Time) string {
	var w storyWriter
	w.head(s.Issue, now)
	w.steps(s)
	w.notifications(s.Notifications)
	w.timeline(s)
	return w.String()
}

type storyWriter struct{ strings.Builder }

func (w *storyWriter) line(indent int, format string, args ...any) {
	text := strings.TrimRight(fmt.Sprintf(format, args...), " \n")
	prefix := strings.Repeat("    ", indent)
	for _, l := range strings.Split(text, "\n") {
		w.WriteString(prefix + l + "\n")
	}
}

const storyTime = "2006-01-02 15:04:05 UTC"

func (w *storyWriter) head(i Issue, now time.Time) {
	w.line(0, "Issue %s: %s", i.ID, i.Name())
	w.line(0, "%s", i.Summary)
	w.line(0, "Status:   %s", i.Status)
	w.line(0, "Severity: %s", i.Severity)
	w.line(0, "Opened:   %s", i.OpenedAt.Format(storyTime))
	if i.ResolvedAt != nil {
		w.line(0, "Closed:   %s, after %s", i.ResolvedAt.Format(storyTime), Age(i.OpenedAt, *i.ResolvedAt))
	} else {
		w.line(0, "Closed:   never; open for %s", Age(i.OpenedAt, now))
	}
	if i.Awaiting != nil {
		w.line(0, "Awaits:   a person's %s since %s", i.Awaiting.For, i.Awaiting.Since.Format(storyTime))
	}
	w.line(0, "Workflow: %s", i.WorkflowID)
}

func (w *storyWriter) steps(s Story) {
	w.line(0, "\nResolution steps: %s", noneIf(len(s.Issue.Steps) == 0))
	for n, step := range s.Issue.Steps {
		times := ""
		if step.Count > 1 {
			times = fmt.Sprintf(" (%d times in a row)", step.Count)
		}
		by := "case " + step.Case
		if step.Case == "" {
			by = "a person"
		}
		w.line(1, "%d. %s, proposed by %s at %s: %s%s", n+1, step.Action, by, step.At.Format(storyTime), step.State, times)
		w.line(2, "Step:   %s", step.ID)
		if step.Reason != "" {
			w.line(2, "Reason: %s", step.Reason)
		}
		if step.Solution != nil {
			w.solution(*step.Solution, step.Digest, s.Actions[step.ID])
		}
	}
}

func (w *storyWriter) solution(solution Solution, digest string, runs []ActionRun) {
	if solution.Problem != "" {
		w.line(2, "Problem: %s", solution.Problem)
	}
	w.line(2, "Digest: %s", digest)
	w.line(2, "Enacted: %s", orNever(solution.EnactedAt))
	if solution.Error != "" {
		w.line(2, "Failed: %s", solution.Error)
	}
	w.line(2, "Plan:")
	for i, a := range solution.Plan {
		state := "not run"
		for _, r := range runs {
			if r.Index != i {
				continue
			}
			state = fmt.Sprintf("%s, %s", r.State, plural(r.Attempts, "attempt"))
			if r.Receipt != "" {
				state += ", " + r.Receipt
			}
			if r.Error != "" {
				state += ": " + r.Error
			}
		}
		w.line(3, "%s (%s)", a.Action, state)
	}
}

func (w *storyWriter) notifications(all []Notification) {
	w.line(0, "\nTold: %s", noneIf(len(all) == 0))
	for _, n := range all {
		state := string(n.State)
		switch n.State {
		case NotificationSent:
			state = "sent " + orNever(n.SentAt) + ", " + n.Receipt
		case NotificationUndelivered:
			state = "UNDELIVERED: " + n.LastError
		}
		w.line(1, "%s to %s by %s: %s", n.Kind, n.Recipient, n.Channel, n.Message.Subject)
		w.line(2, "%s", state)
	}
}

func (w *storyWriter) timeline(s Story) {
	w.line(0, "\nTimeline:")
	for _, e := range s.Entries {
		by := ""
		if e.By != "" {
			by = " (" + e.By + ")"
		}
		w.line(1, "%s  %s%s", e.At.Format(storyTime), e.Text, by)
	}
	w.line(0, "\nNewest checks: %s", noneIf(len(s.Runs) == 0))
	for _, r := range s.Runs {
		w.line(1, "%s  %s: %s", r.FinishedAt.Format(storyTime), r.Outcome, r.Summary)
	}
}

func noneIf(none bool) string {
	if none {
		return "none"
	}
	return ""
}

func orNever(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.Format(storyTime)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
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
