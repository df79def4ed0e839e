// Package conformance is the suite that every narrative.Store passes: the contract's sentences as tests. Whoever writes
// another store runs it too.
package conformance

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/narrative-go/narrative"
)

// Run runs the suite in parallel. open returns a new, empty store for one test, and closes it after.
func Run(t *testing.T, open func(t *testing.T) narrative.Store) {
	for _, group := range []map[string]func(*bench){
		metaTests, checkTests, decisionTests, detectionTests, changeTests, issueTests, planTests, notificationTests,
		datumTests, noteTests, soughtTests, heartbeatTests, uptimeTests, textTests, raceTests, sweepTests, removalTests, keyTests, expectTests,
	} {
		for name, test := range group {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(&bench{T: t, store: open(t), ctx: t.Context()})
			})
		}
	}
}

// bench is one test's world.
type bench struct {
	*testing.T
	store narrative.Store
	ctx   context.Context
	runs  atomic.Int64
}

// start is finer than a microsecond and not in UTC: what a store is handed, not what it hands back. It lies ahead, so that
// nothing that expires after it has expired by the store's clock.
var start = time.Date(2126, 3, 4, 5, 6, 7, 123456789, time.FixedZone("far", 5*3600))

// at is a time after start, as a program would pass it.
func at(after time.Duration) time.Time { return start.Add(after) }

// kept is that time as a store hands it back.
func kept(after time.Duration) time.Time { return at(after).UTC().Truncate(time.Microsecond) }

// keptPtr is kept for what may be absent.
func keptPtr(after time.Duration) *time.Time {
	t := kept(after)
	return &t
}

// ptr returns a pointer to a time as a program would pass it.
func ptr(after time.Duration) *time.Time {
	t := at(after)
	return &t
}

// do fails the test where err is not nil.
func (b *bench) do(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// must returns v where err is nil.
func must[T any](v T, err error) func(b *bench) T {
	return func(b *bench) T {
		b.Helper()
		b.do(err)
		return v
	}
}

// same fails the test where got is not what is wanted. Empty and nil lists are one; times must be equal to the digit
// and in UTC.
func (b *bench) same(what string, want, got any, options ...cmp.Option) {
	b.Helper()
	options = append(options, cmpopts.EquateEmpty(), cmp.Comparer(func(x, y time.Time) bool {
		return x.Equal(y) && x.Location().String() == y.Location().String()
	}))
	if diff := cmp.Diff(want, got, options...); diff != "" {
		b.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// refused fails the test unless err has the kind.
func (b *bench) refused(what string, kind narrative.ErrorKind, err error) {
	b.Helper()
	if err == nil || narrative.KindOf(err) != kind {
		b.Errorf("%s: got error %v of kind %q, want kind %q", what, err, narrative.KindOf(err), kind)
	}
}

// assertion returns a meta as it is written.
func assertion(name string) narrative.AssertionMeta {
	return narrative.AssertionMeta{Meta: narrative.Meta{
		Name: name, Class: "test", Args: []byte(`{}`), Every: narrative.Duration(time.Minute), Enabled: true,
	}}
}

func event(name string, ttl time.Duration) narrative.EventMeta {
	return narrative.EventMeta{Meta: assertion(name).Meta, TTL: narrative.Duration(ttl)}
}

// watch applies assertions.
func (b *bench) watch(metas ...narrative.AssertionMeta) {
	b.Helper()
	must(b.store.Apply(b.ctx, narrative.Manifest{Source: "test.yaml", Assertions: metas}, at(0)))(b)
}

// notice applies events.
func (b *bench) notice(metas ...narrative.EventMeta) {
	b.Helper()
	must(b.store.Apply(b.ctx, narrative.Manifest{Source: "test.yaml", Events: metas}, at(0)))(b)
}

// begin begins a check and returns the record to fill in.
func (b *bench) begin(name string, after time.Duration) narrative.CheckRecord {
	b.Helper()
	runID := fmt.Sprintf("run-%d", b.runs.Add(1))
	state := must(b.store.BeginCheck(b.ctx, name, runID))(b)
	return narrative.CheckRecord{Revision: state.Meta.Revision, CheckRun: narrative.CheckRun{
		Assertion: name, RunID: runID, WorkflowID: "assertion/" + name, Seq: state.Seq, Kind: narrative.AssertionKind,
		ScheduledAt: at(after), StartedAt: at(after + time.Second), FinishedAt: at(after + 2*time.Second),
	}}
}

// record records a check with a verdict.
func (b *bench) record(r narrative.CheckRecord, v narrative.Verdict) narrative.CheckResult {
	b.Helper()
	r.Outcome, r.Verdict, r.Summary = narrative.OutcomeFailed, v, v.Summary
	if v.Passed {
		r.Outcome = narrative.OutcomePassed
	}
	return must(b.store.RecordCheck(b.ctx, r))(b)
}

// check makes a whole check.
func (b *bench) check(name string, after time.Duration, v narrative.Verdict) narrative.CheckResult {
	b.Helper()
	return b.record(b.begin(name, after), v)
}

// records makes a whole check over records.
func (b *bench) records(name string, after time.Duration, violating ...narrative.Violation) narrative.CheckResult {
	b.Helper()
	r := b.begin(name, after)
	r.OverRecords, r.Violations, r.Total = true, violating, len(violating)
	return b.record(r, narrative.Verdict{Passed: len(violating) == 0, Summary: fmt.Sprintf("%d violate", len(violating))})
}

func violation(id string) narrative.Violation {
	return narrative.Violation{Record: narrative.Record{Type: "invoice", ID: id}, Summary: "invoice " + id + " is wrong"}
}

// opened watches an assertion, fails it once and returns its issue.
func (b *bench) opened(name string) narrative.Issue {
	b.Helper()
	b.watch(assertion(name))
	result := b.check(name, 0, narrative.Failed("it is broken"))
	if len(result.Opened) != 1 {
		b.Fatalf("opened %d issues, want 1", len(result.Opened))
	}
	return result.Opened[0]
}

// change changes an issue under a key of its own.
func (b *bench) change(id string, change func(*narrative.Issue)) narrative.Issue {
	b.Helper()
	key := fmt.Sprintf("change-%d", b.runs.Add(1))
	return must(b.store.ChangeIssue(b.ctx, id, -1, key, func(i *narrative.Issue) (narrative.Effects, error) {
		change(i)
		return entryOf(key), nil
	}))(b)
}

// entryOf is the least that a change must leave behind.
func entryOf(key string) narrative.Effects {
	return narrative.Effects{Entries: []narrative.Entry{{At: at(0), Kind: narrative.EntryStatus, Text: "changed", Key: key}}}
}

// closeAs closes an issue.
func (b *bench) closeAs(id string, status narrative.Status, until *time.Time) narrative.Issue {
	b.Helper()
	return b.change(id, func(i *narrative.Issue) {
		i.Status, i.ResolvedAt, i.MutedUntil, i.ClosedSeq = status, ptr(time.Minute), until, i.CurrentSeq
	})
}

// unresolved returns the ids of the unresolved issues.
func (b *bench) unresolved() []string {
	b.Helper()
	var ids []string
	for _, i := range must(b.store.UnresolvedIssues(b.ctx, "", 1000))(b) {
		ids = append(ids, i.ID)
	}
	return ids
}

// texts returns the lines of an issue's timeline.
func (b *bench) texts(id string) []string {
	b.Helper()
	var lines []string
	for n, e := range must(b.store.Story(b.ctx, id))(b).Entries {
		if e.Number != n+1 {
			b.Errorf("entry %d has number %d", n+1, e.Number)
		}
		lines = append(lines, string(e.Kind)+": "+e.Text)
	}
	return lines
}

// together runs n functions at the same time and returns their errors.
func together(n int, run func(i int) error) []error {
	errs := make([]error, n)
	gate := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-gate
			errs[i] = run(i)
		})
	}
	close(gate)
	wg.Wait()
	return errs
}
