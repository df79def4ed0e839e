//go:build record

package tests

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/executor/slack/slackfake"
	"github.com/narrative-go/narrative/service"
	"github.com/narrative-go/narrative/workflows"
)

// checks leaves behind a check of each outcome.
func checks(r *recorder) {
	r.watch("gate", "")
	passed := r.run("gate", narrative.OutcomePassed, time.Time{})
	r.keep("check-passed", passed.WorkflowID, passed.RunID)
	r.gate.shut.Store(true)
	failed := r.check(narrative.OutcomeFailed)
	r.keep("check-failed", failed.WorkflowID, failed.RunID)
	r.gate.broken.Store(true)
	errored := r.check(narrative.OutcomeErrored)
	r.keep("check-errored", errored.WorkflowID, errored.RunID)
}

// checkByCron leaves behind a run that a cron workflow began.
func checkByCron(r *recorder) {
	r.build(fmt.Sprintf(gateYAML, "1s", true))
	tick := awaitTick(r.house, awaitTick(r.house, time.Time{}).StartedAt)
	r.keep("check-by-cron", tick.WorkflowID, tick.RunID)
}

// checkBySchedule leaves behind a run that a schedule began.
func checkBySchedule(r *recorder) {
	r.house = buildWith(r.T, bySchedule, &r.gate, fmt.Sprintf(gateYAML, "1s", true))
	tick := awaitTick(r.house, time.Time{})
	r.keep("check-by-schedule", tick.WorkflowID, tick.RunID)
}

// dryRuns tries an assertion that holds, fails and cannot be checked.
func dryRuns(r *recorder) {
	r.watch("gate", "")
	try := func(name string) {
		r.cli("check", "gate", "--dry-run")
		r.keep(name, workflows.DryRunID(narrative.AssertionKind, "gate"), "")
	}
	try("dry-run-passed")
	r.gate.shut.Store(true)
	try("dry-run-failed")
	r.gate.broken.Store(true)
	try("dry-run-errored")
}

const bellYAML = `
config: {admins: {email: [ops@example.com]}}
events:
  - {name: bell, class: bell, every: 30d, respond: [{note: {text: ring}}, {repair: {}, retry: {attempts: 2, backoff: 10ms}}]}
`

// events leaves behind a detection of each outcome, and an answer that goes well and one that does not.
func events(r *recorder) {
	var b bell
	r.house = build(r.T, &r.gate, bellYAML, r.register, func(reg *narrative.Registry) {
		narrative.AddEvent(reg, "bell", func(struct{}) (narrative.Event, error) { return &b, nil })
	})
	detect := func(name string) {
		id := workflows.CheckNowID(narrative.EventKind, "bell")
		r.over(id, "")
		if name != "event-not-detected" { // which the first detection is
			r.cli("check", "bell")
		}
		r.keep(name, id, "")
	}
	await(r.T, 30*time.Second, "the first detection has begun", func() error {
		_, err := r.temporal.DescribeWorkflowExecution(r.T.Context(), workflows.CheckNowID(narrative.EventKind, "bell"), "")
		return err
	})
	detect("event-not-detected")
	b.rung.Store(1)
	detect("event-detected")
	first := r.responses(1)[0]
	r.keep("occurrence-responded", first, "")
	r.clumsy.Store(true)
	b.rung.Store(2)
	r.cli("check", "bell")
	for _, id := range r.responses(2) {
		if id != first {
			r.keep("occurrence-response-failed", id, "")
		}
	}
	b.broken.Store(1)
	detect("event-errored")
}

// unanswered leaves behind an occurrence that needs no answer, and one whose answer is not valid.
func unanswered(r *recorder) {
	var b bell
	b.rung.Store(1)
	text := "events: [{name: bell, class: bell, every: 30d}, {name: gong, class: gong, every: 30d}]\n"
	r.house = build(r.T, &r.gate, text, func(reg *narrative.Registry) {
		narrative.AddEvent(reg, "bell", func(struct{}) (narrative.Event, error) { return &b, nil })
		narrative.AddEvent(reg, "gong", func(struct{}) (narrative.Event, error) { return gong{&b}, nil })
	})
	names := map[string]string{"bell": "occurrence-without-response", "gong": "occurrence-response-invalid"}
	for _, id := range r.responses(len(names)) {
		o, err := r.store.Occurrence(r.T.Context(), strings.TrimPrefix(id, workflows.OccurrenceID("")))
		if err != nil {
			r.Fatal(err)
		}
		r.keep(names[o.Event], id, "")
	}
}

// responses waits until so many occurrences are being answered and returns their workflows' ids.
func (r *recorder) responses(n int) (ids []string) {
	r.Helper()
	await(r.T, 30*time.Second, fmt.Sprintf("%d occurrences are answered", n), func() error {
		page, err := r.temporal.ListWorkflow(r.T.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: "WorkflowType = 'RespondEvent'"})
		if err != nil {
			return err
		}
		ids = nil
		for _, e := range page.Executions {
			ids = append(ids, e.Execution.WorkflowId)
		}
		if len(ids) != n {
			return fmt.Errorf("workflows %q", ids)
		}
		return nil
	})
	return ids
}

// notifications leaves behind a mail that was sent, and one whose recipient has no address.
func notifications(r *recorder) {
	r.fails("gate", "")
	i := r.rests(narrative.StatusOpen, 1)
	r.keep("notify-sent", workflows.NotifyID(r.notification(i).Key), "")
	past := time.Now().UTC().Add(-time.Minute)
	err := r.store.AddNotifications(r.T.Context(), []narrative.Notification{{
		ID: narrative.NewID(past), Key: "to-nobody", IssueID: i.ID, Kind: narrative.NotifyAction,
		Channel: narrative.ChannelEmail, Recipient: "nobody", Message: narrative.Message{Subject: "hello", Text: "hello"},
		State: narrative.NotificationPending, CreatedAt: past,
	}})
	if err != nil {
		r.Fatal(err)
	}
	reconcile(r.house)
	r.keep("notify-undelivered", workflows.NotifyID("to-nobody"), "")
}

// failsWithoutOutbox opens an issue whose mail cannot be sent until the outbox is mended.
func (r *recorder) failsWithoutOutbox() (i narrative.Issue, mend func()) {
	r.Helper()
	r.watch("gate", "")
	r.run("gate", narrative.OutcomePassed, time.Time{})
	folder := filepath.Join(r.dir, "outbox")
	if err := os.RemoveAll(folder); err != nil {
		r.Fatal(err)
	}
	write(r.T, folder, "a file where the folder was")
	r.gate.shut.Store(true)
	r.check(narrative.OutcomeFailed)
	return r.rests(narrative.StatusOpen, 1), func() {
		if err := os.Remove(folder); err != nil {
			r.Fatal(err)
		}
	}
}

// retriedNotification has no outbox when the mail is first sent.
func retriedNotification(r *recorder) {
	i, mend := r.failsWithoutOutbox()
	await(r.T, 30*time.Second, "the mail was tried", func() error {
		if n := r.notification(i); n.Attempts == 0 {
			return fmt.Errorf("notification %+v", n)
		}
		return nil
	})
	mend()
	r.keep("notify-retried", workflows.NotifyID(r.notification(i).Key), "")
}

// heldBackNotification recovers while the mail that tells of the issue cannot be sent yet.
func heldBackNotification(r *recorder) {
	_, mend := r.failsWithoutOutbox()
	i := r.recovers()
	var recovery string
	await(r.T, 30*time.Second, "the recovery is held back", func() error {
		story, err := r.store.Story(r.T.Context(), i.ID)
		if err != nil {
			return err
		}
		for _, n := range story.Notifications {
			if n.Kind == narrative.NotifyResolved {
				recovery = n.Key
			}
		}
		if recovery == "" {
			return fmt.Errorf("no recovery among %+v", story.Notifications)
		}
		for _, e := range r.history(workflows.NotifyID(recovery), "") {
			if e.EventType == enumspb.EVENT_TYPE_TIMER_STARTED {
				return nil
			}
		}
		return errors.New("no timer")
	})
	mend()
	r.keep("notify-held-back", workflows.NotifyID(recovery), "")
}

// refresh has a message in Slack brought up to date.
func refresh(r *recorder) {
	slack := slackfake.New(r.T)
	slack.AddChannel("ops")
	r.gate.shut.Store(true)
	r.house = buildWith(r.T, func(o *service.Options) {
		o.SlackToken, o.SlackSigningSecret, o.SlackAPIURL = slackfake.Token, slackfake.SigningSecret, slack.URL()
	}, &r.gate, `
config: {admins: {slack: "#ops"}}
assertions:
  - {name: gate, class: gate, every: 30d}
`, r.register)
	r.run("gate", narrative.OutcomeFailed, time.Time{})
	i := r.rests(narrative.StatusOpen, 1)
	r.cli("issue", "acknowledge", i.ID)
	var id string
	await(r.T, 60*time.Second, "the message is brought up to date", func() error {
		found, err := r.temporal.ListWorkflow(r.T.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: `WorkflowId STARTS_WITH "refresh/"`})
		if err != nil {
			return err
		}
		if len(found.Executions) == 0 {
			return errors.New("no workflow has begun")
		}
		id = found.Executions[0].Execution.WorkflowId
		return nil
	})
	r.keep("refresh", id, "")
}

// notification is the first of an issue's.
func (r *recorder) notification(i narrative.Issue) narrative.Notification {
	r.Helper()
	story, err := r.store.Story(r.T.Context(), i.ID)
	if err != nil || len(story.Notifications) == 0 {
		r.Fatalf("no notification of issue %s: %v", i.ID, err)
	}
	return story.Notifications[0]
}

// housekeeping runs what the house's own crons run.
func housekeeping(r *recorder) {
	r.watch("gate", "")
	for name, workflow := range map[string]any{"sweep": workflows.Sweep, "watchdog": workflows.Watchdog} {
		o := client.StartWorkflowOptions{ID: name + "/now", TaskQueue: narrative.TaskQueue}
		if _, err := r.temporal.ExecuteWorkflow(r.T.Context(), o, workflow); err != nil {
			r.Fatal(err)
		}
		r.keep(name, name+"/now", "")
	}
}
