package activities

import (
	"context"
	"fmt"
	"iter"
	"time"

	"go.temporal.io/sdk/activity"

	narrative "github.com/narrative-go/narrative"
)

// CheckInput names the assertion or event to be checked.
type CheckInput struct {
	Name string `json:"name"`
	// DryRun makes the check and keeps nothing of it.
	DryRun bool `json:"dry_run,omitempty"`
}

// CheckOutput is what became of a check; Outcome is empty where there was nothing to check, the meta being gone or
// disabled.
type CheckOutput struct {
	Outcome narrative.Outcome `json:"outcome"`
	Summary string            `json:"summary"`
	Opened  int               `json:"opened,omitempty"` // issues, or occurrences claimed
	// Soft says what was found and is not acted upon yet; see [narrative.CheckDecision].
	Soft string `json:"soft,omitempty"`
}

// CheckAssertion makes one check, commits what it leads to and hands it over to the issues. A failed assertion is a
// result; an error is a check that could not be made. A retry of a check that was recorded answers as it did.
func (a *Activities) CheckAssertion(ctx context.Context, in CheckInput) (CheckOutput, error) {
	defer beat(ctx)()
	if in.DryRun {
		return a.tryAssertion(ctx, in.Name)
	}
	info := activity.GetInfo(ctx)
	state, err := a.o.Store.BeginCheck(ctx, in.Name, info.WorkflowExecution.RunID)
	if out, over, err := a.over(ctx, err, state.Recorded, state.Handoffs); over {
		return out, err
	}
	if !state.Meta.Enabled {
		return CheckOutput{Summary: "the assertion is disabled"}, nil
	}
	secrets := a.newSecrets()
	record := narrative.CheckRecord{CheckRun: a.run(info, in.Name, state.Seq), Revision: state.Meta.Revision}
	checked := a.surround(ctx, secrets, state.Last)
	if err := guarded(func() error { return a.check(checked, state, secrets, &record) }); err != nil {
		return CheckOutput{}, failed(secrets.redactError(err))
	}
	record.FinishedAt = a.now()
	return a.recordCheck(ctx, record, state.Config)
}

// over answers for a check that is over before it is made: because its meta is gone, an earlier attempt recorded it, or
// the store does not answer.
func (a *Activities) over(ctx context.Context, err error, recorded *narrative.CheckRun, handoffs []narrative.Handoff) (CheckOutput, bool, error) {
	switch {
	case narrative.KindOf(err) == narrative.NotFound:
		return CheckOutput{Summary: "its meta is gone"}, true, nil
	case err != nil:
		return CheckOutput{}, true, failed(err)
	case recorded != nil:
		a.deliver(ctx, handoffs)
		return CheckOutput{Outcome: recorded.Outcome, Summary: recorded.Summary}, true, nil
	}
	return CheckOutput{}, false, nil
}

// run is the run that this activity belongs to, begun now.
func (a *Activities) run(info activity.Info, name string, seq int64) narrative.CheckRun {
	return narrative.CheckRun{
		Assertion:   name,
		Seq:         seq,
		ScheduledAt: info.ScheduledTime.UTC().Truncate(time.Microsecond),
		StartedAt:   a.now(),
		WorkflowID:  info.WorkflowExecution.ID,
		RunID:       info.WorkflowExecution.RunID,
	}
}

func (a *Activities) recordCheck(ctx context.Context, r narrative.CheckRecord, config narrative.Config) (CheckOutput, error) {
	ctx, cancel := lasting(ctx)
	defer cancel()
	var tell []narrative.Notification
	r.Tell = func(meta narrative.AssertionMeta, opened []narrative.Issue, raised []narrative.Raised) []narrative.Notification {
		tell = found(rules{meta: meta, config: config}, opened, raised, r.FinishedAt)
		return tell
	}
	result, err := a.o.Store.RecordCheck(ctx, r)
	if err != nil {
		return CheckOutput{}, failed(fmt.Errorf("record the check of %s: %w", r.Assertion, err))
	}
	a.o.Observer.Checked(checked(narrative.AssertionKind, r.CheckRun))
	a.deliver(ctx, result.Handoffs)
	a.notify(ctx, tell)
	for _, id := range result.Changed {
		a.refresh(ctx, id)
	}
	for _, i := range result.Opened {
		a.told("%s fails: %s; an issue is open: %s", i.Assertion, i.Summary, i.ID)
	}
	return CheckOutput{Outcome: r.Outcome, Summary: result.Run.Summary, Opened: len(result.Opened), Soft: result.Soft}, nil
}

// check runs the user's code and fills in what it found.
func (a *Activities) check(ctx context.Context, state narrative.CheckState, s *secrets, r *narrative.CheckRecord) error {
	made, err := a.assertion(state.Meta, s)
	if err != nil {
		return err
	}
	switch assertion := made.(type) {
	case narrative.RecordAssertion:
		return collect(ctx, assertion, state, s, r)
	case narrative.Assertion:
		verdict, err := assertion.Check(ctx)
		if err != nil {
			return err
		}
		verdict.Summary, verdict.Details, err = s.tidy(verdict.Summary, verdict.Details)
		verdict.Reason = s.redact(verdict.Reason)
		conclude(r, verdict)
		return err
	}
	return narrative.Errorf(narrative.Invalid, "class %s is not an assertion", state.Meta.Class)
}

func conclude(r *narrative.CheckRecord, v narrative.Verdict) {
	r.Verdict, r.Summary, r.Outcome = v, v.Summary, narrative.OutcomeFailed
	if v.Passed {
		r.Outcome = narrative.OutcomePassed
	}
}

// assertion makes the meta's assertion with its references resolved.
func (a *Activities) assertion(meta narrative.AssertionMeta, s *secrets) (any, error) {
	args, err := narrative.ResolveReferences(meta.Args, s.resolve)
	if err != nil {
		return nil, err
	}
	made, err := a.o.Registry.Assertion(meta.Class, args)
	if err != nil {
		return nil, s.redactError(err)
	}
	return made, nil
}

// collect streams the violations of a record assertion: it keeps the first [narrative.MaxViolations] and those of
// records with an open issue, and counts all.
func collect(ctx context.Context, assertion narrative.RecordAssertion, state narrative.CheckState, s *secrets, r *narrative.CheckRecord) error {
	open := map[narrative.Record]bool{}
	for _, i := range state.Open {
		open[i.Record] = i.Kind == narrative.KindRecord
	}
	seen := map[narrative.Record]bool{}
	kept := func(record narrative.Record) bool { return r.Total < narrative.MaxViolations || open[record] }
	for v, err := range violationsOf(ctx, assertion, kept) {
		if err != nil {
			if v.Record.ID == "" {
				return foundSoFar(r, err)
			}
			if err := unknown(r, v.Record, err); err != nil {
				return err
			}
			continue
		}
		if err := checkRecord(v.Record); err != nil {
			if err := unknown(r, v.Record, err); err != nil {
				return err
			}
			continue
		}
		if seen[v.Record] {
			continue
		}
		wanted := kept(v.Record)
		r.Total++
		if !wanted {
			continue
		}
		seen[v.Record] = true
		if v.Summary, v.Details, err = s.tidy(v.Summary, v.Details); err != nil {
			return err
		}
		v.Reason = s.redact(v.Reason)
		r.Violations = append(r.Violations, v)
	}
	if err := ctx.Err(); err != nil {
		return foundSoFar(r, err)
	}
	if err := findGone(ctx, assertion, state.Open, seen, r); err != nil {
		return err
	}
	r.OverRecords = true
	conclude(r, recordsVerdict(r, s))
	return nil
}

// violationsOf streams the violations; those of records that are not kept need not be described.
func violationsOf(ctx context.Context, assertion narrative.RecordAssertion, kept func(narrative.Record) bool) iter.Seq2[narrative.Violation, error] {
	if selector, ok := assertion.(narrative.RecordSelector); ok {
		return selector.SelectViolations(ctx, kept)
	}
	return assertion.Violations(ctx)
}

// foundSoFar adds to the error that ended a check half-way what had been found: it opens and resolves nothing.
func foundSoFar(r *narrative.CheckRecord, err error) error {
	if r.Total == 0 {
		return err
	}
	records := "1 violating record was"
	if r.Total > 1 {
		records = fmt.Sprintf("%d violating records were", r.Total)
	}
	first := r.Violations[0]
	return fmt.Errorf("%w; %s found until then, the first: %s %s: %s", err, records, first.Record.Type, first.Record.ID, first.Summary)
}

// findGone asks, of the records with an open issue that violate the assertion no more, which are gone. Of one that
// cannot be asked about nothing is said.
func findGone(ctx context.Context, assertion narrative.RecordAssertion, open []narrative.Issue, violating map[narrative.Record]bool, r *narrative.CheckRecord) error {
	finder, ok := assertion.(narrative.RecordFinder)
	if !ok {
		return nil
	}
	silent := map[narrative.Record]bool{}
	for _, record := range r.Unknown {
		silent[record] = true
	}
	for _, i := range open {
		if i.Kind != narrative.KindRecord || violating[i.Record] || silent[i.Record] {
			continue
		}
		exists, err := finder.Exists(ctx, i.Record)
		switch {
		case err != nil:
			if err := unknown(r, i.Record, err); err != nil {
				return err
			}
		case !exists:
			r.Gone = append(r.Gone, i.Record)
		}
	}
	return ctx.Err()
}

// unknown takes down that nothing can be said of a record; too many of them are an error of the check.
func unknown(r *narrative.CheckRecord, record narrative.Record, why error) error {
	r.Unknown = append(r.Unknown, record)
	if r.UnknownBecause == "" {
		r.UnknownBecause = why.Error()
	}
	if len(r.Unknown) > narrative.MaxViolations {
		return fmt.Errorf("more than %d records could not be checked; the first: %s", narrative.MaxViolations, r.UnknownBecause)
	}
	return nil
}

func checkRecord(r narrative.Record) error {
	if err := checkRecordPart("type", r.Type); err != nil {
		return err
	}
	return checkRecordPart("id", r.ID)
}

func checkRecordPart(part, value string) error {
	if value == "" || len(value) > narrative.MaxRecordPart {
		return narrative.Errorf(narrative.Invalid, "a violation's record %s must be 1 to %d bytes long; not %d", part, narrative.MaxRecordPart, len(value))
	}
	if err := narrative.CheckText(value); err != nil {
		return narrative.Errorf(narrative.Invalid, "a violation's record %s %w", part, err)
	}
	return nil
}

func recordsVerdict(r *narrative.CheckRecord, s *secrets) narrative.Verdict {
	v := narrative.Verdict{Passed: r.Total == 0, Summary: "no record violates it"}
	switch {
	case r.Total == 1:
		v.Summary = "1 record violates it"
	case r.Total > 1:
		v.Summary = fmt.Sprintf("%d records violate it", r.Total)
	}
	if len(r.Unknown) > 0 {
		v.Summary += fmt.Sprintf("; %d could not be checked, the first because: %s", len(r.Unknown), s.redact(r.UnknownBecause))
	}
	return v
}

// ErroredInput is a check that could not be made.
type ErroredInput struct {
	Kind   narrative.MetaKind `json:"kind"`
	Name   string             `json:"name"`
	Reason string             `json:"reason"` // already redacted
}

// RecordErrored commits that the check of this workflow run could not be made, unless it was recorded after all.
func (a *Activities) RecordErrored(ctx context.Context, in ErroredInput) (CheckOutput, error) {
	info := activity.GetInfo(ctx)
	if in.Kind == narrative.EventKind {
		return a.recordErroredDetection(ctx, info, in)
	}
	state, err := a.o.Store.BeginCheck(ctx, in.Name, info.WorkflowExecution.RunID)
	if out, over, err := a.over(ctx, err, state.Recorded, state.Handoffs); over {
		return out, err
	}
	r := narrative.CheckRecord{CheckRun: a.run(info, in.Name, state.Seq), Revision: state.Meta.Revision, Error: in.Reason}
	r.Outcome, r.Summary, r.FinishedAt = narrative.OutcomeErrored, in.Reason, r.StartedAt
	a.told("%s could not be checked: %s", in.Name, in.Reason)
	return a.recordCheck(ctx, r, state.Config)
}
