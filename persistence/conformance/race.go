package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/narrative-go/narrative"
)

// raceTests are of what many do at once.
var raceTests = map[string]func(*bench){
	"each check gets a number of its own": func(b *bench) {
		b.watch(assertion("a"))
		seqs := make([]int64, 24)
		errs := together(len(seqs), func(i int) error {
			state, err := b.store.BeginCheck(b.ctx, "a", fmt.Sprint("r", i))
			seqs[i] = state.Seq
			return err
		})
		b.same("errors", make([]error, len(errs)), errs)
		slices.Sort(seqs)
		for i, seq := range seqs {
			b.same("number", int64(i+1), seq)
		}
	},
	"of many failing checks at once, one opens the issue": func(b *bench) {
		b.watch(assertion("a"))
		opened := make([]int, 12)
		errs := together(len(opened), func(i int) error {
			result, err := b.raced("a", i, narrative.OutcomeFailed)
			opened[i] = len(result.Opened)
			return err
		})
		b.same("errors", make([]error, len(errs)), errs)
		total := 0
		for _, n := range opened {
			total += n
		}
		b.same("opened", []int{1, 1}, []int{total, len(b.unresolved())})
	},
	"of many who record one run, one does": func(b *bench) {
		b.watch(assertion("a"))
		for _, o := range []narrative.Outcome{narrative.OutcomePassed, narrative.OutcomeFailed} {
			r := b.begin("a", 0)
			r.Outcome = o
			results := make([]narrative.CheckResult, 8)
			errs := together(len(results), func(i int) (err error) {
				results[i], err = b.store.RecordCheck(b.ctx, r)
				return err
			})
			b.same("errors", make([]error, len(errs)), errs)
			for _, result := range results {
				b.same("answer", results[0], result)
			}
		}
		b.same("runs", 2, len(must(b.store.CheckRuns(b.ctx, "a", narrative.Page{}))(b).Items))
	},
	"passing and failing checks at once leave the streak of the newest": func(b *bench) {
		b.watch(assertion("a"))
		errs := together(16, func(i int) error {
			_, err := b.raced("a", i, []narrative.Outcome{narrative.OutcomePassed, narrative.OutcomeFailed, narrative.OutcomeErrored}[i%3])
			return err
		})
		b.same("errors", make([]error, len(errs)), errs)
		state := must(b.store.BeginCheck(b.ctx, "a", "last"))(b)
		b.same("streak", int64(16), state.Streak.LastSeq)
		b.same("runs", 16, len(must(b.store.CheckRuns(b.ctx, "a", narrative.Page{}))(b).Items))
	},
	"of many changes of one version, one is made": func(b *bench) {
		issue := b.opened("a")
		errs := together(8, func(i int) error { return b.count(issue.ID, 0, fmt.Sprint("k", i)) })
		conflicts := 0
		for _, err := range errs {
			if narrative.KindOf(err) == narrative.Conflict {
				conflicts++
			} else if err != nil {
				b.Error(err)
			}
		}
		got := must(b.store.Issue(b.ctx, issue.ID))(b)
		b.same("conflicts, version, rounds", []int{7, 1, 1}, []int{conflicts, got.Version, got.Rounds})
	},
	"of many changes of one key, one is made": func(b *bench) {
		issue := b.opened("a")
		b.same("errors", make([]error, 8), together(8, func(int) error { return b.count(issue.ID, 0, "k") }))
		b.same("rounds", 1, must(b.store.Issue(b.ctx, issue.ID))(b).Rounds)
	},
	"whatever writes on a timeline at once loses no line": func(b *bench) {
		issue := b.solved()
		b.do(b.store.AddNotifications(b.ctx, []narrative.Notification{notification("sent", issue.ID)}))
		before := len(b.texts(issue.ID))
		errs := together(12, func(i int) error {
			switch i % 4 {
			case 0:
				return b.count(issue.ID, -1, fmt.Sprint("k", i))
			case 1:
				return b.store.AddNotifications(b.ctx, []narrative.Notification{notification(fmt.Sprint("n", i), issue.ID)})
			case 2:
				_, err := b.store.StartAction(b.ctx, ref("solution-one", i), "email", false, at(0))
				return err
			}
			result, err := b.raced("a", i, narrative.OutcomeFailed)
			return errors.Join(err, b.store.HandoffsDone(b.ctx, handoffIDs(result.Handoffs), at(0)))
		})
		b.same("errors", make([]error, len(errs)), errs)
		lines := slices.DeleteFunc(b.texts(issue.ID), func(line string) bool { return strings.HasPrefix(line, "verdict: ") })
		b.same("lines besides those of verdicts, of which some were stale", before+9, len(lines))
	},
	"plans begun unasked are counted, whichever issue they are for": func(b *bench) {
		b.watch(assertion("a"))
		var all []narrative.Violation
		for i := range 20 {
			all = append(all, violation(fmt.Sprint(i)))
		}
		issues := b.records("a", 0, all...).Opened
		errs := together(len(issues), func(n int) error {
			_, err := b.store.ChangeIssue(b.ctx, issues[n].ID, -1, "k", func(i *narrative.Issue) (narrative.Effects, error) {
				if len(i.UnaskedPlans) < 3 {
					step := execStep(fmt.Sprint("step-", n))
					step.State, step.UnaskedAt = narrative.StepRunning, ptr(time.Duration(n)*time.Second)
					i.Steps = append(i.Steps, step)
				}
				return entryOf("k"), nil
			})
			return err
		})
		b.same("errors", make([]error, len(errs)), errs)
		begun := 0
		for _, i := range must(b.store.Issues(b.ctx, narrative.IssueQuery{}, narrative.Page{}))(b).Items {
			begun += len(i.Steps)
		}
		b.same("begun", 3, begun)
	},
	"an assertion removed amid checks and changes opens nothing afterwards": func(b *bench) {
		for round := range 4 {
			name := fmt.Sprint("a", round)
			issue := b.opened(name)
			var records []narrative.CheckRecord
			for range 3 {
				records = append(records, b.begin(name, time.Minute))
			}
			errs := together(6, func(i int) error {
				switch i {
				case 3:
					return b.store.RemoveMeta(b.ctx, name, at(time.Hour))
				case 4:
					return b.count(issue.ID, -1, "k")
				case 5:
					_, err := b.store.BeginCheck(b.ctx, name, "late-"+name)
					return orMissing(err)
				}
				records[i].Outcome = narrative.OutcomeFailed
				_, err := b.store.RecordCheck(b.ctx, records[i])
				return orMissing(err)
			})
			b.same("errors", make([]error, len(errs)), errs)
			b.same("issues", 1, len(must(b.store.Issues(b.ctx, narrative.IssueQuery{Assertion: name}, narrative.Page{}))(b).Items))
		}
		b.same("metas", 0, len(must(b.store.AssertionMetas(b.ctx))(b)))
	},
	"of many who remove a meta, one does, and of many who apply it then, one creates it": func(b *bench) {
		b.watch(assertion("a"))
		removed, created := 0, 0
		for _, err := range together(6, func(int) error { return b.store.RemoveMeta(b.ctx, "a", at(0)) }) {
			if err == nil {
				removed++
			} else {
				b.refused("remove", narrative.NotFound, err)
			}
		}
		applied := make([]narrative.Applied, 6)
		errs := together(len(applied), func(i int) (err error) {
			applied[i], err = b.store.Apply(b.ctx, narrative.Manifest{Source: "s", Assertions: []narrative.AssertionMeta{assertion("a")}}, at(0))
			return err
		})
		b.same("errors", make([]error, len(errs)), errs)
		for _, a := range applied {
			created += len(a.Created)
		}
		b.same("removed, created", []int{1, 1}, []int{removed, created})
		b.same("revision", int64(2), must(b.store.AssertionMeta(b.ctx, "a"))(b).Revision)
	},
	"manifests applied at once are applied one after the other": func(b *bench) {
		errs := together(6, func(i int) error {
			metas := []narrative.AssertionMeta{assertion("z"), assertion("a"), assertion(fmt.Sprint("own", i))}
			metas[0].MaxIssues = i + 1
			_, err := b.store.Apply(b.ctx, narrative.Manifest{Source: "s", Assertions: metas}, at(0))
			return err
		})
		b.same("errors", make([]error, len(errs)), errs)
		b.same("metas", 8, len(must(b.store.AssertionMetas(b.ctx))(b)))
		b.same("revision", int64(6), must(b.store.AssertionMeta(b.ctx, "z"))(b).Revision)
	},
	"of manifests that prune at once the last one stands, whole": func(b *bench) {
		for range 3 {
			errs := together(6, func(i int) error {
				metas := []narrative.AssertionMeta{assertion(fmt.Sprint("a", i)), assertion(fmt.Sprint("b", i)), assertion("shared")}
				metas[2].MaxIssues = i + 1
				_, err := b.store.Apply(b.ctx, narrative.Manifest{Source: "s", Prune: true, Assertions: metas}, at(0))
				return err
			})
			b.same("errors", make([]error, len(errs)), errs)
			metas := must(b.store.AssertionMetas(b.ctx))(b)
			if len(metas) != 3 {
				b.Fatalf("%d metas are left: %v", len(metas), metas)
			}
			last := fmt.Sprint(metas[2].MaxIssues - 1)
			b.same("names", []string{"a" + last, "b" + last, "shared"}, []string{metas[0].Name, metas[1].Name, metas[2].Name})
		}
	},
	"an issue closed amid checks stays closed for those begun before": func(b *bench) {
		for round := range 5 {
			name := fmt.Sprint("a", round)
			issue := b.opened(name)
			var records []narrative.CheckRecord
			for range 4 {
				records = append(records, b.begin(name, time.Minute))
			}
			errs := together(5, func(i int) error {
				if i == 4 {
					b.closeAs(issue.ID, narrative.StatusResolved, nil)
					return nil
				}
				records[i].Outcome = narrative.OutcomeFailed
				_, err := b.store.RecordCheck(b.ctx, records[i])
				return err
			})
			b.same("errors", make([]error, len(errs)), errs)
		}
		b.same("unresolved", 0, len(b.unresolved()))
	},
	"who no longer waits is not served": func(b *bench) {
		ctx, cancel := context.WithCancel(b.ctx)
		cancel()
		_, err := b.store.AssertionMetas(ctx)
		if !errors.Is(err, context.Canceled) {
			b.Errorf("got %v, want %v", err, context.Canceled)
		}
	},
}

// raced makes a whole check without a word about its failure, for use beside others.
func (b *bench) raced(name string, i int, o narrative.Outcome) (narrative.CheckResult, error) {
	runID := fmt.Sprint("raced-", i)
	state, err := b.store.BeginCheck(b.ctx, name, runID)
	if err != nil {
		return narrative.CheckResult{}, err
	}
	return b.store.RecordCheck(b.ctx, narrative.CheckRecord{Revision: state.Meta.Revision, Error: "none", CheckRun: narrative.CheckRun{
		Assertion: name, RunID: runID, Seq: state.Seq, Outcome: o, StartedAt: at(0), FinishedAt: at(time.Duration(state.Seq) * time.Second),
		Verdict: narrative.Verdict{Passed: o == narrative.OutcomePassed, Reason: runID},
	}})
}

// orMissing forgives that a thing is missing.
func orMissing(err error) error {
	if narrative.KindOf(err) == narrative.NotFound {
		return nil
	}
	return err
}

// count counts a round under a key.
func (b *bench) count(id string, version int, key string) error {
	_, err := b.store.ChangeIssue(b.ctx, id, version, key, func(i *narrative.Issue) (narrative.Effects, error) {
		i.Rounds++
		return entryOf(key), nil
	})
	return err
}

func handoffIDs(handoffs []narrative.Handoff) (ids []string) {
	for _, h := range handoffs {
		ids = append(ids, h.ID)
	}
	return ids
}
