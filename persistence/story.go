package persistence

import (
	"context"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

// storyRuns is how many runs a story has.
const storyRuns = 10

// Story returns everything there is to tell of an issue, from one snapshot.
func (s *Store) Story(ctx context.Context, id string) (narrative.Story, error) {
	var issue *narrative.Issue
	story := narrative.Story{Entries: []narrative.Entry{}, Notifications: []narrative.Notification{}, Runs: []narrative.CheckRun{}}
	story.Actions = map[string][]narrative.ActionRun{}
	b := &engine.Batch{}
	queueIssue(b, id, &issue)
	b.Query(collect(&story.Entries, scanEntry), selectEntries+" WHERE issue_id = $1 ORDER BY number", id)
	queueActions(b, id, &issue, story.Actions)
	b.Query(collect(&story.Notifications, scanNotification), selectNotifications+`
		WHERE issue_id = $1 ORDER BY created_at, id`, id)
	b.Query(collect(&story.Runs, scanRun), "SELECT "+runColumns+` FROM check_runs
		WHERE name = (SELECT assertion FROM issues WHERE id = $1)
		ORDER BY seq DESC, id DESC LIMIT $2`, id, storyRuns)
	if err := s.engine.Read(ctx, b); err != nil {
		return narrative.Story{}, during(err, "load the story of issue %s", id)
	}
	if issue == nil {
		return narrative.Story{}, noIssue(id)
	}
	story.Issue = *issue
	return story, nil
}

// queueActions loads the actions of an issue's solutions and of their rollbacks, by step; the issue's own row comes
// before in the batch.
func queueActions(b *engine.Batch, id string, issue **narrative.Issue, to map[string][]narrative.ActionRun) {
	b.Query(func(r engine.Row) error {
		action, err := scanAction(r)
		if err != nil || *issue == nil {
			return err
		}
		for _, step := range (*issue).Steps {
			if step.Solution != nil && step.Solution.ID == action.SolutionID {
				to[step.ID] = append(to[step.ID], action)
			}
		}
		return nil
	}, selectActions+`
		JOIN solutions o ON o.id = a.solution_id
		JOIN resolution_steps s ON s.id = o.step_id
		WHERE s.issue_id = $1
		ORDER BY a.solution_id, a.rollback, a.idx`, id)
}
