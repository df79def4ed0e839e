package starter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/workflows"
)

// Bounds of one Reconcile.
const (
	startsAtOnce  = 8                // triggers started at a time
	resendAfter   = 10 * time.Second // a hand-off or notification that is this old and not done is sent again
	resendAtMost  = 5_000
	issuesAtATime = 500
)

// Schedules of the house's own cron workflows.
const (
	sweepCron    = "17 * * * *"
	watchdogCron = "@every 2m"
)

// Reconcile makes Temporal match the store. It is safe to repeat and to run in several processes at once. What goes
// wrong with one thing does not stop the others; all errors are returned together.
func (s *Starter) Reconcile(ctx context.Context) (narrative.Reconciled, error) {
	rest, err := s.ReconcileTriggers(ctx)
	if rest == nil {
		return narrative.Reconciled{}, err
	}
	return rest(ctx)
}

// ReconcileTriggers makes the triggers match the store, which is the part of Reconcile that whoever changed the store
// waits for. rest does the other parts, beginning with the first checks of what is new or changed, and returns what all
// of it did and what went wrong; it is nil where nothing could be begun.
func (s *Starter) ReconcileTriggers(ctx context.Context) (rest func(context.Context) (narrative.Reconciled, error), err error) {
	r := &reconciler{Starter: s}
	if err := s.Claim(ctx); err != nil {
		return nil, err
	}
	r.run(ctx, r.startTriggers)
	return func(ctx context.Context) (narrative.Reconciled, error) {
		r.run(ctx, r.firstChecks, r.handoffs, r.notifications, r.issues, r.housekeeping)
		return r.done, errors.Join(r.errs...)
	}, errors.Join(r.errs...)
}

type reconciler struct {
	*Starter
	mu   sync.Mutex
	done narrative.Reconciled
	errs []error
	due  []Check // to be checked at once
}

func (r *reconciler) run(ctx context.Context, parts ...func(context.Context) error) {
	for _, part := range parts {
		if err := part(ctx); err != nil {
			r.errs = append(r.errs, err)
		}
	}
}

// count adds to what was done, or to what went wrong.
func (r *reconciler) count(n *int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.errs = append(r.errs, err)
		return
	}
	*n++
}

// checks are all metas, by check id.
func (r *reconciler) checks(ctx context.Context) ([]Check, error) {
	assertions, err := r.o.Store.AssertionMetas(ctx)
	if err != nil {
		return nil, err
	}
	events, err := r.o.Store.EventMetas(ctx)
	if err != nil {
		return nil, err
	}
	var checks []Check
	for _, a := range assertions {
		checks = append(checks, Check{narrative.AssertionKind, a.Meta})
	}
	for _, e := range events {
		checks = append(checks, Check{narrative.EventKind, e.Meta})
	}
	return checks, nil
}

// startTriggers starts the triggers that are missing or do not match their meta, and stops those that nobody wants any
// more (of a meta that has moved, the one it has left). Those that Temporal holds are read before the metas: that of a
// meta that is applied in between is then not taken for one that nobody wants.
func (r *reconciler) startTriggers(ctx context.Context) error {
	select {
	case r.matching <- struct{}{}:
		defer func() { <-r.matching }()
	case <-ctx.Done():
		return ctx.Err()
	}
	held := map[narrative.Trigger]map[string]string{}
	for kind, trigger := range r.triggers {
		var err error
		if held[kind], err = trigger.Triggers(ctx); err != nil {
			return err
		}
	}
	checks, err := r.checks(ctx)
	if err != nil {
		return err
	}
	var work []func()
	for _, c := range checks {
		if !c.Meta.Enabled {
			continue
		}
		kind := r.triggerOf(c)
		if fingerprint, ok := held[kind][c.ID()]; !ok || fingerprint != c.Memo().Fingerprint {
			work = append(work, func() { r.start(ctx, r.triggers[kind], c) })
		}
		delete(held[kind], c.ID())
		if c.Meta.CheckedRevision < c.Meta.Revision {
			r.due = append(r.due, c)
		}
	}
	for kind, left := range held {
		for id := range left {
			work = append(work, func() {
				r.count(&r.done.Stopped, r.triggers[kind].Stop(ctx, id, "its meta is gone, disabled or triggered otherwise"))
			})
		}
	}
	atOnce(startsAtOnce, work)
	return ctx.Err()
}

// firstChecks checks at once what is new or changed.
func (r *reconciler) firstChecks(ctx context.Context) error {
	work := make([]func(), len(r.due))
	for i, c := range r.due {
		work[i] = func() {
			_, err := r.checkAtOnce(ctx, c)
			r.count(&r.done.Checked, err)
		}
	}
	atOnce(startsAtOnce, work)
	return ctx.Err()
}

func (r *reconciler) triggerOf(c Check) narrative.Trigger {
	if c.Meta.Trigger != "" {
		return c.Meta.Trigger
	}
	return r.o.Trigger
}

func (r *reconciler) start(ctx context.Context, trigger Trigger, c Check) {
	replaced, err := trigger.Start(ctx, c)
	if replaced {
		r.count(&r.done.Replaced, err)
		return
	}
	r.count(&r.done.Started, err)
}

// atOnce does the work, n pieces at a time.
func atOnce(n int, work []func()) {
	var wait sync.WaitGroup
	slots := make(chan struct{}, n)
	for _, w := range work {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			w()
		})
	}
	wait.Wait()
}

func (r *reconciler) handoffs(ctx context.Context) error {
	pending, err := r.o.Store.PendingHandoffs(ctx, r.o.Now().Add(-resendAfter), resendAtMost)
	if err != nil {
		return err
	}
	var done []string
	for _, h := range pending {
		err := r.HandOver(ctx, h)
		r.count(&r.done.Handoffs, err)
		if err == nil {
			done = append(done, h.ID)
		}
	}
	if len(done) == 0 {
		return nil
	}
	return r.o.Store.HandoffsDone(ctx, done, r.o.Now())
}

func (r *reconciler) notifications(ctx context.Context) error {
	pending, err := r.o.Store.PendingNotifications(ctx, r.o.Now().Add(-resendAfter), resendAtMost)
	if err != nil {
		return err
	}
	for _, key := range pending {
		r.count(&r.done.Notifications, r.Notify(ctx, key))
	}
	return nil
}

// issues gives every unresolved issue whose workflow is gone its workflow back, and wakes those whose assertion was
// removed, for they are over.
func (r *reconciler) issues(ctx context.Context) error {
	metas, err := r.o.Store.AssertionMetas(ctx)
	if err != nil {
		return err
	}
	watched := map[string]bool{}
	for _, m := range metas {
		watched[m.Name] = true
	}
	alive, err := running(ctx, r.o.Client, "ResolveIssue")
	if err != nil {
		return err
	}
	after := ""
	for {
		issues, err := r.o.Store.UnresolvedIssues(ctx, after, issuesAtATime)
		if err != nil || len(issues) == 0 {
			return err
		}
		for _, i := range issues {
			after = i.ID
			if !watched[i.Assertion] {
				r.count(&r.done.Issues, r.tell(ctx, narrative.Observation{IssueID: i.ID, Wake: true}, i.WorkflowID))
				continue
			}
			if _, ok := alive[i.WorkflowID]; ok || r.o.Now().Sub(i.OpenedAt) < resendAfter {
				continue
			}
			r.count(&r.done.Issues, r.wake(ctx, i))
		}
	}
}

// WakeIssues has every unresolved issue looked at again, after the configuration that rules them has changed.
func (s *Starter) WakeIssues(ctx context.Context) error {
	after := ""
	for {
		issues, err := s.o.Store.UnresolvedIssues(ctx, after, issuesAtATime)
		if err != nil || len(issues) == 0 {
			return err
		}
		for _, i := range issues {
			after = i.ID
			if err := s.tell(ctx, narrative.Observation{IssueID: i.ID, Wake: true}, i.WorkflowID); err != nil {
				return err
			}
		}
	}
}

// wake starts the issue's workflow where it does not run, and tells it nothing.
func (s *Starter) wake(ctx context.Context, i narrative.Issue) error {
	return s.tell(ctx, narrative.Observation{IssueID: i.ID}, i.WorkflowID)
}

func (s *Starter) tell(ctx context.Context, o narrative.Observation, workflowID string) error {
	return s.HandOver(ctx, narrative.Handoff{WorkflowID: workflowID, Observation: &o})
}

// housekeeping starts the house's own cron workflows where they do not run.
func (r *reconciler) housekeeping(ctx context.Context) error {
	for _, w := range []struct {
		id, cron string
		workflow any
	}{{workflows.SweepID, sweepCron, workflows.Sweep}, {workflows.WatchdogID, watchdogCron, workflows.Watchdog}} {
		if runs, err := r.runs(ctx, w.id); err != nil || runs {
			if err != nil {
				return err
			}
			continue
		}
		_, err := r.o.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID: w.id, TaskQueue: narrative.TaskQueue, CronSchedule: w.cron, Memo: map[string]any{storeMemoKey: r.identity},
			WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		}, w.workflow)
		if err != nil {
			return fmt.Errorf("start %s: %w", w.id, unavailable(err))
		}
	}
	return nil
}

// runs tells whether a workflow of that id runs.
func (s *Starter) runs(ctx context.Context, id string) (bool, error) {
	found, err := s.o.Client.DescribeWorkflowExecution(ctx, id, "")
	if notFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for %s: %w", id, unavailable(err))
	}
	return found.WorkflowExecutionInfo.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, nil
}

// checkAtOnce starts a check of the meta now, or joins the one under way.
func (s *Starter) checkAtOnce(ctx context.Context, c Check) (client.WorkflowRun, error) {
	o := c.options(workflows.CheckNowID(c.Kind, c.Meta.Name), s.o.Attributes)
	o.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
	run, err := s.o.Client.ExecuteWorkflow(ctx, o, c.workflow(), workflows.CheckInput{Name: c.Meta.Name})
	if err != nil {
		return nil, fmt.Errorf("check %s now: %w", strings.TrimSuffix(o.ID, "/now"), unavailable(err))
	}
	return run, nil
}
