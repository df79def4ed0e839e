package conformance

import (
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/narrative-go/narrative"
)

var planTests = map[string]func(*bench){
	"the first answer to an occurrence wins": func(b *bench) {
		b.notice(event("e", time.Hour))
		id := b.detect("e", 0, narrative.Occurrence{Summary: map[string]any{"who": "me"}}).Claimed[0].ID
		first := *execStep("x").Solution
		b.same("first", first, must(b.store.AnswerOccurrence(b.ctx, id, first))(b))
		second := narrative.Solution{ID: "second", Problem: "another"}
		b.same("second", first, must(b.store.AnswerOccurrence(b.ctx, id, second))(b))
		b.do(b.store.FinishSolution(b.ctx, first.ID, at(time.Minute), "it failed"))
		first.EnactedAt, first.Error = keptPtr(time.Minute), "it failed"
		b.same("finished", &first, must(b.store.Occurrence(b.ctx, id))(b).Solution)
	},
	"an answer is given an id": func(b *bench) {
		b.notice(event("e", time.Hour))
		id := b.detect("e", 0, narrative.Occurrence{Summary: map[string]any{"who": "me"}}).Claimed[0].ID
		got := must(b.store.AnswerOccurrence(b.ctx, id, narrative.Solution{Problem: "p"}))(b)
		b.same("answer", narrative.Solution{Problem: "p"}, got, cmpopts.IgnoreFields(narrative.Solution{}, "ID"))
		b.same("id given", true, got.ID != "")
	},
	"what is missing is not found": func(b *bench) {
		_, err := b.store.Occurrence(b.ctx, "none")
		b.refused("occurrence", narrative.NotFound, err)
		_, err = b.store.AnswerOccurrence(b.ctx, "none", narrative.Solution{})
		b.refused("answer", narrative.NotFound, err)
		b.refused("finish", narrative.NotFound, b.store.FinishSolution(b.ctx, "none", at(0), ""))
		_, err = b.store.StartAction(b.ctx, ref("none", 0), "email", false, at(0))
		b.refused("start", narrative.NotFound, err)
		b.refused("finish action", narrative.NotFound, b.store.FinishAction(b.ctx, ref("none", 0), "", "", at(0)))
	},
	"an issue's solution is not finished apart from the issue": func(b *bench) {
		b.solved()
		b.refused("finish", narrative.NotFound, b.store.FinishSolution(b.ctx, "solution-one", at(0), ""))
		b.refused("an action not started", narrative.NotFound, b.store.FinishAction(b.ctx, ref("solution-one", 0), "", "", at(0)))
	},
	"an action that was started is not started again unless it may be repeated": func(b *bench) {
		issue := b.solved()
		row := narrative.ActionRun{SolutionID: "solution-one", Action: "email"}
		b.same("first", row, b.startAction(false, 0))
		row.State, row.Attempts, row.StartedAt = narrative.ActionStarted, 1, kept(0)
		b.same("not repeated", row, b.startAction(false, time.Minute))
		b.same("repeated", row, b.startAction(true, 2*time.Minute))
		row.Attempts, row.StartedAt = 2, kept(2*time.Minute)
		b.same("as marked", row, b.startAction(false, 3*time.Minute))
		b.same("timeline", []string{"action: action email (1 of 2) started", "action: action email (1 of 2) started again: attempt 2"},
			b.texts(issue.ID)[2:])
	},
	"an action that failed may be started again, one that is done never": func(b *bench) {
		issue := b.solved()
		b.startAction(false, 0)
		b.do(b.store.FinishAction(b.ctx, ref("solution-one", 0), "", "550 no such user", at(time.Minute)))
		row := narrative.ActionRun{
			SolutionID: "solution-one", Action: "email", State: narrative.ActionFailed, Attempts: 1,
			StartedAt: kept(0), FinishedAt: keptPtr(time.Minute), Error: "550 no such user",
		}
		b.same("failed", row, b.startAction(false, 2*time.Minute))
		b.do(b.store.FinishAction(b.ctx, ref("solution-one", 0), "receipt", "", at(3*time.Minute)))
		row = narrative.ActionRun{
			SolutionID: "solution-one", Action: "email", State: narrative.ActionDone, Attempts: 2,
			StartedAt: kept(2 * time.Minute), FinishedAt: keptPtr(3 * time.Minute), Receipt: "receipt",
		}
		b.same("done", row, b.startAction(true, 4*time.Minute))
		b.do(b.store.FinishAction(b.ctx, ref("solution-one", 0), "", "too late", at(5*time.Minute)))
		b.same("stays done", row, b.startAction(true, 6*time.Minute))
		b.same("timeline", []string{
			"action: action email (1 of 2) started", "action: action email (1 of 2) failed: 550 no such user",
			"action: action email (1 of 2) started again: attempt 2", "action: action email (1 of 2) done: receipt",
		}, b.texts(issue.ID)[2:])
	},
	"the rollback of an action stands beside it": func(b *bench) {
		issue := b.solved()
		plan, undo := ref("solution-one", 1), narrative.ActionRef{SolutionID: "solution-one", Index: 1, Rollback: true}
		b.same("none yet", []narrative.ActionRun{}, must(b.store.Actions(b.ctx, "solution-one"))(b))
		before := must(b.store.StartAction(b.ctx, undo, "undo", false, at(0)))(b)
		b.same("first", narrative.ActionRun{SolutionID: "solution-one", Index: 1, Rollback: true, Action: "undo"}, before)
		must(b.store.StartAction(b.ctx, plan, "webhook", false, at(time.Minute)))(b)
		b.startAction(false, 2*time.Minute)
		b.do(b.store.FinishAction(b.ctx, undo, "", "no such host", at(3*time.Minute)))
		must(b.store.StartAction(b.ctx, undo, "undo", false, at(4*time.Minute)))(b)
		b.do(b.store.FinishAction(b.ctx, undo, "200 OK", "", at(5*time.Minute)))
		started := narrative.ActionRun{SolutionID: "solution-one", Action: "email", State: narrative.ActionStarted, Attempts: 1, StartedAt: kept(2 * time.Minute)}
		second, undone := started, started
		second.Index, second.Action, second.StartedAt = 1, "webhook", kept(time.Minute)
		undone.Index, undone.Action, undone.StartedAt, undone.Rollback = 1, "undo", kept(4*time.Minute), true
		undone.State, undone.Attempts, undone.FinishedAt, undone.Receipt = narrative.ActionDone, 2, keptPtr(5*time.Minute), "200 OK"
		want := []narrative.ActionRun{started, second, undone}
		b.same("ledger", want, must(b.store.Actions(b.ctx, "solution-one"))(b))
		b.same("story", map[string][]narrative.ActionRun{"one": want}, must(b.store.Story(b.ctx, issue.ID))(b).Actions)
		b.same("timeline", []string{
			"action: rollback undo (of action 2) started", "action: action webhook (2 of 2) started", "action: action email (1 of 2) started",
			"action: rollback undo (of action 2) failed: no such host", "action: rollback undo (of action 2) started again: attempt 2",
			"action: rollback undo (of action 2) done: 200 OK",
		}, b.texts(issue.ID)[2:])
		b.refused("finish", narrative.NotFound, b.store.FinishAction(b.ctx, narrative.ActionRef{SolutionID: "solution-one", Rollback: true}, "", "", at(0)))
		b.same("of none", []narrative.ActionRun{}, must(b.store.Actions(b.ctx, "none"))(b))
	},
	"the ledger serves occurrences too": func(b *bench) {
		b.notice(event("e", time.Hour))
		id := b.detect("e", 0, narrative.Occurrence{Summary: map[string]any{"who": "me"}}).Claimed[0].ID
		must(b.store.AnswerOccurrence(b.ctx, id, *execStep("one").Solution))(b)
		b.startAction(false, 0)
		b.do(b.store.FinishAction(b.ctx, ref("solution-one", 0), "", "", at(time.Minute)))
		b.same("state", narrative.ActionDone, b.startAction(false, 0).State)
	},
	"of many who start an action, one does": func(b *bench) {
		b.solved()
		states := make([]narrative.ActionState, 8)
		errs := together(len(states), func(i int) error {
			row, err := b.store.StartAction(b.ctx, ref("solution-one", 0), "email", false, at(0))
			states[i] = row.State
			return err
		})
		b.same("errors", make([]error, len(errs)), errs)
		first := 0
		for _, s := range states {
			if s == "" {
				first++
			}
		}
		b.same("who saw none before", 1, first)
	},
}

// ref names an action of a solution's plan.
func ref(solutionID string, index int) narrative.ActionRef {
	return narrative.ActionRef{SolutionID: solutionID, Index: index}
}

// solved returns an issue with a step of two actions.
func (b *bench) solved() narrative.Issue {
	b.Helper()
	return b.change(b.opened("a").ID, func(i *narrative.Issue) { i.Steps = append(i.Steps, execStep("one")) })
}

func (b *bench) startAction(repeat bool, after time.Duration) narrative.ActionRun {
	b.Helper()
	return must(b.store.StartAction(b.ctx, ref("solution-one", 0), "email", repeat, at(after)))(b)
}
