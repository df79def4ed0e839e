package slack

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
)

// files are the messages in a folder, by name.
func files(t *testing.T, dir string) map[string]message {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]message{}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		var m message
		if err := json.Unmarshal(content, &m); err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = m
	}
	return all
}

func TestTheOutboxHoldsWhatWouldBePosted(t *testing.T) {
	t.Parallel()
	w := setup(t)
	dir := filepath.Join(t.TempDir(), "outbox")
	box, err := NewOutbox(dir)
	if err != nil {
		t.Fatal(err)
	}
	told := w.telling("k1", narrative.NotifyApproval, w.story("i-1"))
	sent, err := box.Send(context.Background(), told)
	if err != nil {
		t.Fatal(err)
	}
	name := w.now.Format("20060102T150405.000000Z") + "-k1.json"
	want := narrative.Sent{
		Receipt: room + "/" + name,
		Posts:   []narrative.Post{{IssueID: "i-1", Channel: "slack", Recipient: room, Place: room, Message: name, Shown: 3, Told: "k1"}},
	}
	if diff := cmp.Diff(want, sent); diff != "" {
		t.Error(diff)
	}
	told.Again = true
	if again, err := box.Send(context.Background(), told); err != nil || !cmp.Equal(want, again) {
		t.Errorf("%+v, %v", again, err)
	}
	all := files(t, dir)
	if len(all) != 2 {
		t.Fatalf("%d files", len(all))
	}
	w.send(w.telling("k1", narrative.NotifyApproval, w.story("i-1")))
	var blocks []any
	if err := recode(all[name].Attachments[0].Blocks, &blocks); err != nil {
		t.Fatal(err)
	}
	var real []any
	if err := recode(w.card().Attachments[0].Blocks, &real); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(real, blocks); diff != "" || all[name].Channel != room {
		t.Errorf("(-slack +outbox)\n%s", diff)
	}
}

func TestRefreshRewritesTheCardsFile(t *testing.T) {
	t.Parallel()
	w := setup(t)
	dir := t.TempDir()
	box, err := NewOutbox(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := w.story("i-1")
	sent, err := box.Send(context.Background(), w.telling("k1", narrative.NotifyOpened, s))
	if err != nil {
		t.Fatal(err)
	}
	s = comment(s, "on it")
	s.Issue.Status, s.Issue.ResolvedAt = narrative.StatusResolved, &w.now
	changed, err := box.Refresh(context.Background(), sent.Posts, []narrative.Story{s}, true)
	if err != nil || len(changed) != 1 || changed[0].Shown != 4 {
		t.Fatalf("%+v, %v", changed, err)
	}
	all := files(t, dir)
	card := all[sent.Posts[0].Message]
	if len(all) != 3 || card.Attachments[0].Color != green || card.Channel != room || card.Metadata == nil {
		t.Errorf("%d files, %+v", len(all), card)
	}
	next := w.telling("k2", narrative.NotifyResolved, s)
	next.Posts = changed
	if _, err := box.Send(context.Background(), next); err != nil || len(files(t, dir)) != 4 {
		t.Errorf("%v, %d files", err, len(files(t, dir)))
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := box.Refresh(context.Background(), changed, []narrative.Story{s}, false); err != nil {
		t.Errorf("a folder that was cleared away: %v", err)
	}
}

func TestAKeyCannotLeaveTheOutbox(t *testing.T) {
	t.Parallel()
	w := setup(t)
	dir := t.TempDir()
	box, err := NewOutbox(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := box.Send(context.Background(), w.telling("../../etc/passwd", narrative.NotifyTest)); err != nil {
		t.Fatal(err)
	}
	for name := range files(t, dir) {
		if strings.Contains(name, "passwd") {
			t.Error(name)
		}
	}
	posts := []narrative.Post{{IssueID: "i-1", Place: room, Message: "../secret.json"}}
	if _, err := box.Refresh(context.Background(), posts, []narrative.Story{{Issue: narrative.Issue{ID: "i-1"}}}, false); err != nil {
		t.Error(err)
	}
}
