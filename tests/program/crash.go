package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	narrative "github.com/narrative-go/narrative"
)

// crashing is a store at which the process dies, once: TEST_CRASH_AT is METHOD:before or METHOD:after, of some methods
// METHOD/WHAT; WHAT may be cut off after a slash. The file TEST_CRASH_DONE keeps it from dying again. It stops where a
// power cut would: nothing is closed, nothing is said.
// TEST_CRASH_AFTER is how many times it passes that point alive before.
type crashing struct {
	narrative.Store
	at, done string
	alive    *atomic.Int64 // times to pass it alive, still
}

func crashAt(s narrative.Store) narrative.Store {
	at := os.Getenv("TEST_CRASH_AT")
	if at == "" {
		return s
	}
	passes, _ := strconv.ParseInt(os.Getenv("TEST_CRASH_AFTER"), 10, 64) // absent: none
	alive := &atomic.Int64{}
	alive.Store(passes)
	return crashing{s, at, os.Getenv("TEST_CRASH_DONE"), alive}
}

func (c crashing) here(point string) {
	wanted, moment, _ := strings.Cut(c.at, ":")
	at, now, _ := strings.Cut(point, ":")
	if now != moment || at != wanted && !(strings.HasSuffix(wanted, "/") && strings.HasPrefix(at, wanted)) {
		return
	}
	if c.alive.Add(-1) >= 0 {
		return
	}
	f, err := os.OpenFile(c.done, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return // it has died before
	}
	_, _ = f.WriteString(point)
	_ = f.Close()
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // it is dead already
}

// around dies before or after what the store does.
func around[T any](c crashing, point string, do func() (T, error)) (T, error) {
	c.here(point + ":before")
	out, err := do()
	if err == nil {
		c.here(point + ":after")
	}
	return out, err
}

type none struct{}

func nothing(err error) (none, error) { return none{}, err }

func (c crashing) BeginCheck(ctx context.Context, name, runID string) (narrative.CheckState, error) {
	return around(c, "BeginCheck", func() (narrative.CheckState, error) { return c.Store.BeginCheck(ctx, name, runID) })
}

func (c crashing) RecordCheck(ctx context.Context, r narrative.CheckRecord) (narrative.CheckResult, error) {
	return around(c, "RecordCheck/"+string(r.Outcome), func() (narrative.CheckResult, error) { return c.Store.RecordCheck(ctx, r) })
}

func (c crashing) RecordDetection(ctx context.Context, r narrative.DetectionRecord) (narrative.DetectionResult, error) {
	return around(c, "RecordDetection/"+string(r.Outcome), func() (narrative.DetectionResult, error) { return c.Store.RecordDetection(ctx, r) })
}

func (c crashing) HandoffsDone(ctx context.Context, ids []string, now time.Time) error {
	_, err := around(c, "HandoffsDone", func() (none, error) { return nothing(c.Store.HandoffsDone(ctx, ids, now)) })
	return err
}

func (c crashing) ChangeIssue(ctx context.Context, id string, version int, key string, change func(*narrative.Issue) (narrative.Effects, error)) (narrative.Issue, error) {
	return around(c, "ChangeIssue/"+key, func() (narrative.Issue, error) { return c.Store.ChangeIssue(ctx, id, version, key, change) })
}

func (c crashing) StartAction(ctx context.Context, ref narrative.ActionRef, action string, repeat bool, now time.Time) (narrative.ActionRun, error) {
	return around(c, "StartAction/"+action, func() (narrative.ActionRun, error) { return c.Store.StartAction(ctx, ref, action, repeat, now) })
}

func (c crashing) FinishAction(ctx context.Context, ref narrative.ActionRef, receipt, failure string, now time.Time) error {
	_, err := around(c, fmt.Sprint("FinishAction/", ref.Index), func() (none, error) { return nothing(c.Store.FinishAction(ctx, ref, receipt, failure, now)) })
	return err
}

func (c crashing) AnswerOccurrence(ctx context.Context, id string, s narrative.Solution) (narrative.Solution, error) {
	return around(c, "AnswerOccurrence", func() (narrative.Solution, error) { return c.Store.AnswerOccurrence(ctx, id, s) })
}

func (c crashing) FinishSolution(ctx context.Context, solutionID string, at time.Time, failure string) error {
	_, err := around(c, "FinishSolution", func() (none, error) { return nothing(c.Store.FinishSolution(ctx, solutionID, at, failure)) })
	return err
}

func (c crashing) AddNotifications(ctx context.Context, all []narrative.Notification) error {
	_, err := around(c, "AddNotifications", func() (none, error) { return nothing(c.Store.AddNotifications(ctx, all)) })
	return err
}

func (c crashing) BeginSending(ctx context.Context, batch string, now time.Time) (narrative.Sending, error) {
	return around(c, "BeginSending", func() (narrative.Sending, error) { return c.Store.BeginSending(ctx, batch, now) })
}

func (c crashing) NotificationSent(ctx context.Context, batch string, sent narrative.Sent, now time.Time) error {
	_, err := around(c, "NotificationSent", func() (none, error) { return nothing(c.Store.NotificationSent(ctx, batch, sent, now)) })
	return err
}

func (c crashing) KeepPosts(ctx context.Context, posts []narrative.Post) error {
	_, err := around(c, "KeepPosts", func() (none, error) { return nothing(c.Store.KeepPosts(ctx, posts)) })
	return err
}

func (c crashing) NotificationTried(ctx context.Context, batch, failure string, last bool, now time.Time) error {
	_, err := around(c, "NotificationTried", func() (none, error) {
		return nothing(c.Store.NotificationTried(ctx, batch, failure, last, now))
	})
	return err
}
