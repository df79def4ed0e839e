package slack

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
)

func TestACardWhoseAnswerWasLostIsNotPostedTwice(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.fake.Say(room, ada, "hello")
	w.fake.AddChannel("other")
	w.fake.SetPageSize(1)
	told := w.telling("k1", narrative.NotifyOpened, w.story("i-1"))
	w.fake.Drop("chat.postMessage", 1)
	if _, err := w.Send(context.Background(), told); narrative.KindOf(err) != narrative.Unavailable {
		t.Fatalf("got %v", err)
	}
	w.fake.Say(room, ada, "what now?")
	w.Slack = w.board()
	told.Again = true
	sent := w.send(told)
	all := w.fake.Messages(room)
	if len(all) != 3 || sent.Receipt != all[1].Channel+"/"+all[1].TS || sent.Posts[0].Message != all[1].TS {
		t.Fatalf("%d messages, %+v", len(all), sent)
	}
	if n := len(w.fake.Thread(room, all[1].TS)); n != 1 {
		t.Errorf("%d replies", n)
	}
	if n := w.fake.Calls("conversations.history"); n < 2 {
		t.Errorf("%d pages", n)
	}
}

func TestWhatWasNeverTakenIsPostedAgain(t *testing.T) {
	t.Parallel()
	w := setup(t)
	told := w.telling("k1", narrative.NotifyOpened, w.story("i-1"))
	told.Again = true
	w.send(told)
	if n := len(w.replies()); n != 1 {
		t.Errorf("%d replies", n)
	}
}

func TestARepliesLostAnswerIsNotPostedTwice(t *testing.T) {
	t.Parallel()
	for pass, lost := range []string{"the telling", "the lines of the timeline"} {
		t.Run(lost, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			s := w.story("i-1")
			told := w.telling("k2", narrative.NotifyEscalated, s)
			told.Posts = w.send(w.telling("k1", narrative.NotifyOpened, s)).Posts
			told.Stories[0] = comment(s, "on it")
			w.fake.SetPageSize(1)
			w.fake.Pass("chat.postMessage", pass)
			w.fake.Drop("chat.postMessage", 1)
			if _, err := w.Send(context.Background(), told); narrative.KindOf(err) != narrative.Unavailable {
				t.Fatalf("got %v", err)
			}
			told.Again = true
			sent := w.send(told)
			replies := w.replies()
			if len(replies) != 3 || sent.Posts[0].Shown != 4 || sent.Receipt != replies[1].Channel+"/"+replies[1].TS {
				t.Errorf("%d replies, %+v", len(replies), sent)
			}
		})
	}
}

func TestTheStoryWhoseAnswerWasLostIsNotPostedTwice(t *testing.T) {
	t.Parallel()
	w := setup(t)
	told := w.telling("k1", narrative.NotifyOpened, w.story("i-1"))
	w.fake.Pass("chat.postMessage", 1)
	w.fake.Drop("chat.postMessage", 1)
	if _, err := w.Send(context.Background(), told); narrative.KindOf(err) != narrative.Unavailable {
		t.Fatalf("got %v", err)
	}
	told.Again = true
	if sent := w.send(told); sent.Posts[0].Shown != 3 || len(w.replies()) != 1 {
		t.Errorf("%+v, %d replies", sent, len(w.replies()))
	}
}

func TestABroadcastIsNotTakenForACard(t *testing.T) {
	t.Parallel()
	w := setup(t)
	first, second := w.story("i-1"), w.story("i-2")
	told := w.telling("k2", narrative.NotifyEscalated, first, second)
	told.Posts = w.send(w.telling("k1", narrative.NotifyOpened, first)).Posts
	w.fake.Pass("chat.postMessage", 1) // the broadcast
	w.fake.Break("chat.postMessage", 503, 1)
	if _, err := w.Send(context.Background(), told); narrative.KindOf(err) != narrative.Unavailable {
		t.Fatalf("got %v", err)
	}
	told.Again = true
	w.send(told)
	if all := w.fake.Messages(room); len(all) != 2 {
		t.Errorf("%d messages", len(all))
	}
}

func TestWithoutTheScopesToLookItIsPostedAgainAndLogged(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.fake.SetScopes("chat:write")
	s := w.story("i-1")
	told := w.telling("k1", narrative.NotifyOpened, s)
	told.Again = true
	posts := w.send(told).Posts
	contains(t, w.log.String(), "may be posted twice")
	told = w.telling("k2", narrative.NotifyApproval, s)
	told.Posts, told.Again = posts, true
	w.send(told)
	replies := w.replies()
	if len(replies) != 2 {
		t.Fatalf("%d replies", len(replies))
	}
	contains(t, replies[1].Said(), "Approve") // the card cannot be read, so it may be a group's
}

func TestALookThatFailsForNowIsTriedLater(t *testing.T) {
	t.Parallel()
	w := setup(t)
	told := w.telling("k1", narrative.NotifyOpened, w.story("i-1"))
	told.Again = true
	w.fake.Limit("conversations.history", 9, 1)
	if _, err := w.Send(context.Background(), told); narrative.KindOf(err) != narrative.Unavailable {
		t.Fatalf("got %v", err)
	}
	if n := len(w.fake.Messages(room)); n != 0 {
		t.Errorf("%d messages", n)
	}
}

func TestAnOlderMessageIsNotSearched(t *testing.T) {
	t.Parallel()
	w := setup(t)
	told := w.telling("k1", narrative.NotifyTest)
	w.send(told)
	told.Again, told.CreatedAt = true, w.now.Add(time.Hour)
	w.send(told)
	var keys []any
	for _, m := range w.fake.Messages(room) {
		keys = append(keys, m.Metadata.Payload["key"])
	}
	if diff := cmp.Diff([]any{"k1", "k1"}, keys); diff != "" {
		t.Error(diff)
	}
}
