package slack

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
)

func TestIssuesToldOfTogetherShareACard(t *testing.T) {
	t.Parallel()
	w := setup(t)
	one, two := w.story("i-1"), w.story("i-2")
	two.Issue.Severity = narrative.SeverityCritical
	sent := w.send(w.telling("k1", narrative.NotifyOpened, one, two))
	card := w.card()
	contains(t, card.Text, "*[Told] k1*")
	contains(t, card.Said(), "2 issues, 2 open", ":raised_hand: *invoices-balance invoice i-1* (open, error): off by", "invoice i-2* (open, critical)")
	if card.Attachments[0].Color != red || len(card.Buttons()) != 0 || len(w.replies()) != 0 {
		t.Errorf("%s, %q, %d replies", card.Attachments[0].Color, card.Buttons(), len(w.replies()))
	}
	if len(sent.Posts) != 2 || sent.Posts[0].Message != card.TS || sent.Posts[1].Message != card.TS || sent.Posts[1].Shown != 3 {
		t.Errorf("%+v", sent)
	}
}

// many are as many stories, of issues with long names and much to say.
func (w *world) many(n int) (all []narrative.Story) {
	for n := range n {
		s := w.story(fmt.Sprintf("0192f0c0-0000-7000-8000-%012d", n))
		s.Issue.Summary = strings.Repeat("long ", 100)
		all = append(all, s)
	}
	return all
}

func TestAGroupsCardNamesAllThatAMessageMayBeAbout(t *testing.T) {
	t.Parallel()
	w := setup(t)
	sent := w.send(w.telling("k1", narrative.NotifyApproval, w.many(narrative.MaxBatch)...))
	contains(t, w.card().Said(), "100 issues, 100 open")
	for n := range narrative.MaxBatch {
		contains(t, w.card().Said(), fmt.Sprintf("0192f0c0-0000-7000-8000-%012d", n))
	}
	if len(sent.Posts) != narrative.MaxBatch {
		t.Errorf("%d posts", len(sent.Posts))
	}
	contains(t, w.replies()[0].Said(), "more: `narrative issue list`")
}

func TestATellingOfManyCardsGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	w := setup(t)
	stories := w.many(6)
	var posts []narrative.Post
	for n, s := range stories {
		posts = append(posts, w.send(w.telling(fmt.Sprint("open", n), narrative.NotifyOpened, s)).Posts...)
	}
	told := w.telling("over", narrative.NotifyResolved, stories...)
	told.Posts = posts
	for n := range told.Stories {
		told.Stories[n].Entries = nil
	}
	w.fake.Pass("chat.postMessage", 3)
	w.fake.Limit("chat.postMessage", 7, 1)
	sent, err := w.Slack.Send(t.Context(), told)
	var limited *narrative.Error
	if !errors.As(err, &limited) || limited.RetryAfter != 7*time.Second || len(sent.Posts) != 3 {
		t.Fatalf("%d posts, %v", len(sent.Posts), err)
	}
	told.Posts = append(sent.Posts, posts[3:]...)
	before := w.fake.Calls("chat.postMessage")
	sent, err = w.Slack.Send(t.Context(), told)
	if err != nil || len(sent.Posts) != 3 || sent.Receipt == "" || w.fake.Calls("chat.postMessage") != before+3 {
		t.Errorf("%d posts, receipt %q, %d requests, %v", len(sent.Posts), sent.Receipt, w.fake.Calls("chat.postMessage")-before, err)
	}
}

func TestAnIssueOfAGroupThatNeedsAPersonHasItsButtonsInTheThread(t *testing.T) {
	t.Parallel()
	w := setup(t)
	one, two := w.story("i-1"), w.story("i-2")
	posts := w.send(w.telling("k1", narrative.NotifyOpened, one, two)).Posts
	told := w.telling("k2", narrative.NotifyApproval, two)
	told.Posts = posts[1:]
	w.send(told)
	replies := w.replies()
	want := []string{"Approve", "Reject", "Acknowledge", "Snooze", "Resolve", "Won't fix"}
	if diff := cmp.Diff(want, replies[0].Buttons()); len(replies) != 1 || diff != "" {
		t.Errorf("%d replies, %s", len(replies), diff)
	}
	contains(t, replies[0].Said(), `\"issue\":\"i-2\"`)
	if w.card().Edits != 0 {
		t.Error("it was redrawn without the others")
	}
}

func TestAGroupThatNeedsAPersonAtOnceHasAllButtonsInTheThread(t *testing.T) {
	t.Parallel()
	w := setup(t)
	told := w.telling("k1", narrative.NotifyImpasse, w.story("i-1"), w.story("i-2"))
	w.send(told)
	told.Again = true
	w.send(told)
	replies := w.replies()
	if len(replies) != 1 || len(replies[0].Buttons()) != 12 {
		t.Fatalf("%d replies", len(replies))
	}
}

func TestABatchGoesToTheCardsThatAreThereAndTheRestShareOne(t *testing.T) {
	t.Parallel()
	w := setup(t)
	one, two, three := w.story("i-1"), w.story("i-2"), w.story("i-3")
	posts := w.send(w.telling("k1", narrative.NotifyOpened, one)).Posts
	own := w.telling("i-1's own", narrative.NotifyOpened).Notification
	own.Batch = "k2"
	one.Notifications = []narrative.Notification{own}
	told := w.telling("k2", narrative.NotifyRenotified, one, two, three)
	told.Posts = posts
	sent := w.send(told)
	all := w.fake.Messages(room) // the card, the reply that is shown in the channel is not counted, the group
	if len(all) != 2 || all[0].Edits != 1 {
		t.Fatalf("%d messages", len(all))
	}
	contains(t, all[1].Said(), "2 issues, 2 open", "i-2", "i-3")
	contains(t, w.fake.Thread(room, all[0].TS)[1].Text, "i-1's own")
	var at []string
	for _, p := range sent.Posts {
		at = append(at, p.IssueID+" "+p.Message)
	}
	if diff := cmp.Diff([]string{"i-1 " + all[0].TS, "i-2 " + all[1].TS, "i-3 " + all[1].TS}, at); diff != "" {
		t.Error(diff)
	}
}

func TestAWholeGroupThatIsToldOfGetsOneReplyAndIsEdited(t *testing.T) {
	t.Parallel()
	w := setup(t)
	one, two := w.story("i-1"), w.story("i-2")
	posts := w.send(w.telling("k1", narrative.NotifyOpened, one, two)).Posts
	for _, s := range []*narrative.Story{&one, &two} {
		s.Issue.Status, s.Issue.ResolvedAt, s.Issue.Awaiting = narrative.StatusResolved, &w.now, nil
	}
	told := w.telling("k2", narrative.NotifyResolved, one, two)
	told.Posts = posts
	w.send(told)
	card := w.card()
	contains(t, card.Said(), "2 issues, 0 open", ":white_check_mark:")
	if len(w.replies()) != 1 || card.Attachments[0].Color != green {
		t.Errorf("%d replies, %s", len(w.replies()), card.Attachments[0].Color)
	}
}

func TestATellingWithoutWordsSaysWhereTheIssueStands(t *testing.T) {
	t.Parallel()
	w := setup(t)
	told := w.telling("k1", narrative.NotifyOpened, w.story("i-1"))
	told.Message = narrative.Message{}
	posts := w.send(told).Posts
	told.Key, told.Posts = "k2", posts
	w.send(told)
	contains(t, w.card().Text, "invoices-balance invoice i-1: open")
	contains(t, w.replies()[1].Text, "invoices-balance invoice i-1: open")
}

func TestRefreshPostsNewLinesAndEditsTheCard(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.story("i-1")
	s.Notifications = []narrative.Notification{w.telling("k1", narrative.NotifyOpened).Notification}
	posts := w.send(w.telling("k1", narrative.NotifyOpened, s)).Posts
	s = comment(comment(s, "first"), "second")
	s.Issue.Awaiting, s.Issue.Status = nil, narrative.StatusSolutionApplied
	changed, err := w.Refresh(context.Background(), posts, []narrative.Story{s}, false)
	want := posts[0]
	want.Shown = 5
	if diff := cmp.Diff([]narrative.Post{want}, changed); err != nil || diff != "" {
		t.Fatalf("%v, %s", err, diff)
	}
	replies := w.replies()
	if len(replies) != 2 {
		t.Fatalf("%d replies", len(replies))
	}
	contains(t, replies[1].Text, "*Ada*: first", "*Ada*: second")
	contains(t, w.card().Said(), "a solution was carried out", "[Told] k1")
	if changed, err = w.Refresh(context.Background(), changed, []narrative.Story{s}, false); err != nil || len(changed) != 0 || len(w.replies()) != 2 {
		t.Errorf("%v, %v", changed, err)
	}
}

func TestRefreshRedrawsAGroupAndNamesTheIssueInTheThread(t *testing.T) {
	t.Parallel()
	w := setup(t)
	one, two := w.story("i-1"), w.story("i-2")
	posts := w.send(w.telling("k1", narrative.NotifyOpened, one, two)).Posts
	one = comment(one, "mine")
	one.Issue.Status, one.Issue.ResolvedAt, one.Issue.Awaiting = narrative.StatusResolved, &w.now, nil
	stories := []narrative.Story{one, {Issue: two.Issue}}
	changed, err := w.Refresh(context.Background(), posts[:1], stories, false)
	if err != nil || len(changed) != 1 || changed[0].Shown != 4 {
		t.Fatalf("%+v, %v", changed, err)
	}
	contains(t, w.card().Said(), "2 issues, 1 open", ":white_check_mark: *invoices-balance invoice i-1*", ":raised_hand: *invoices-balance invoice i-2*")
	contains(t, w.replies()[0].Text, "*invoices-balance invoice i-1*\n", "mine")
}

func TestRefreshAfterALostAnswerPostsNothingTwice(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.story("i-1")
	posts := w.send(w.telling("k1", narrative.NotifyOpened, s)).Posts
	stories := []narrative.Story{comment(s, "on it")}
	w.fake.Drop("chat.postMessage", 1)
	if changed, err := w.Refresh(context.Background(), posts, stories, false); narrative.KindOf(err) != narrative.Unavailable || len(changed) != 0 {
		t.Fatalf("%v, %v", changed, err)
	}
	changed, err := w.Refresh(context.Background(), posts, stories, true)
	if err != nil || len(changed) != 1 || changed[0].Shown != 4 || len(w.replies()) != 2 {
		t.Errorf("%v, %v, %d replies", changed, err, len(w.replies()))
	}
}

func TestRefreshLeavesACardThatIsGoneBe(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.story("i-1")
	posts := w.send(w.telling("k1", narrative.NotifyOpened, s)).Posts
	w.fake.Delete(room, w.card().TS)
	s = comment(s, "anybody?")
	if changed, err := w.Refresh(context.Background(), posts, []narrative.Story{s}, false); err != nil || len(changed) != 0 {
		t.Fatalf("%v, %v", changed, err)
	}
	contains(t, w.log.String(), "a card is gone")
	if n := len(w.fake.Messages(room)); n != 0 {
		t.Errorf("%d messages: a reply to what is gone stands in the channel", n)
	}
}

func TestACardThatCannotBeEditedStillGetsItsStory(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.story("i-1")
	posts := w.send(w.telling("k1", narrative.NotifyOpened, s)).Posts
	w.fake.Fail("chat.update", "cant_update_message", 1)
	changed, err := w.Refresh(context.Background(), posts, []narrative.Story{comment(s, "on it")}, false)
	if err != nil || len(changed) != 1 || len(w.replies()) != 2 {
		t.Errorf("%v, %v", changed, err)
	}
}

func TestWhatGoesAlongDoesNotLoseTheReceipt(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.fake.Pass("chat.postMessage", 1)
	w.fake.Fail("chat.postMessage", "restricted_action", 1)
	sent := w.send(w.telling("k1", narrative.NotifyOpened, w.story("i-1")))
	if sent.Receipt == "" || sent.Posts[0].Shown != 0 {
		t.Errorf("%+v", sent)
	}
	contains(t, w.log.String(), "not all that goes along with it")
	changed, err := w.Refresh(context.Background(), sent.Posts, []narrative.Story{w.story("i-1")}, false)
	if err != nil || len(changed) != 1 || changed[0].Shown != 3 {
		t.Errorf("%v, %v", changed, err)
	}
}

func TestRefreshTellsWhatElseIsWrong(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.story("i-1")
	posts := w.send(w.telling("k1", narrative.NotifyOpened, s)).Posts
	w.fake.Archive(room)
	if _, err := w.Refresh(context.Background(), posts, []narrative.Story{s}, false); narrative.KindOf(err) != narrative.Invalid {
		t.Errorf("got %v", err)
	}
}

func TestProposalsThatMayBeChosenHaveAButton(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.story("i-1")
	base := s.Issue.Steps[0]
	s.Issue.Steps, s.Issue.Rounds = nil, 2
	for _, c := range []struct {
		id    string
		state narrative.StepState
		round int
	}{
		{"old", narrative.StepProposed, 1},
		{"new", narrative.StepProposed, 2},
		{"failed", narrative.StepFailed, 2},
		{"applied", narrative.StepApplied, 2},
		{"rejected", narrative.StepRejected, 2},
		{"running", narrative.StepRunning, 2},
	} {
		base.ID, base.State, base.Round = c.id, c.state, c.round
		s.Issue.Steps = append(s.Issue.Steps, base)
	}
	s.Issue.Steps = append(s.Issue.Steps, narrative.ResolutionStep{ID: "pass", Action: narrative.Pass, State: narrative.StepPassed, Round: 2})
	w.send(w.telling("k1", narrative.NotifyImpasse, s))
	said := w.card().Said()
	contains(t, said, `\"step\":\"new\"`, `\"step\":\"failed\"`, "(running)")
	lacks(t, said, `\"step\":\"old\"`, `\"step\":\"applied\"`, `\"step\":\"rejected\"`, `\"step\":\"running\"`, `\"step\":\"pass\"`)
}
