package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/executor/slack/slackfake"
)

const (
	ada   = "U0ADA00001"
	eve   = "U0EVE00001"
	room  = "#general"
	step1 = "step-1"
)

// world is a board before a Slack of its own.
type world struct {
	*testing.T
	fake *slackfake.Server
	*Slack
	log *safeBuffer
	now time.Time // when everything in it happened
}

type safeBuffer struct {
	mutex sync.Mutex
	b     bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.b.String()
}

func setup(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, fake: slackfake.New(t), log: &safeBuffer{}, now: time.Now().UTC().Truncate(time.Second)}
	w.Slack = w.board()
	return w
}

// board is one that remembers nothing, as after a restart.
func (w *world) board() *Slack {
	w.Helper()
	s, err := New(Options{Token: slackfake.Token, APIURL: w.fake.URL(), Logger: slog.New(slog.NewTextHandler(w.log, nil))})
	if err != nil {
		w.Fatal(err)
	}
	return s
}

// story is one of an issue that awaits approval of a plan.
func (w *world) story(id string) narrative.Story {
	return narrative.Story{
		Issue: narrative.Issue{
			ID: id, Assertion: "invoices-balance", Kind: narrative.KindRecord, Record: narrative.Record{Type: "invoice", ID: id},
			Status: narrative.StatusOpen, Severity: narrative.SeverityError, Summary: "off by <5> & more", OpenedAt: w.now.Add(-time.Hour),
			Awaiting: &narrative.Awaiting{For: narrative.AwaitingApproval, StepID: step1, Since: w.now}, Rounds: 1,
			Steps: []narrative.ResolutionStep{{
				ID: step1, Case: "rebalance", Action: narrative.Exec, Reason: "a payment was booked twice", Digest: strings.Repeat("ab", 32),
				State: narrative.StepAwaitingApproval, Round: 1, At: w.now,
				Solution: &narrative.Solution{Plan: narrative.Plan{narrative.Do("refund", nil), narrative.Do("email", nil)}},
			}},
		},
		Entries: []narrative.Entry{
			{Number: 1, At: w.now.Add(-time.Hour), Kind: narrative.EntryOpened, Text: "opened: off by <5>"},
			{Number: 2, At: w.now, Kind: narrative.EntryRound, Text: "round 1 of diagnosis"},
			{Number: 3, At: w.now, Kind: narrative.EntryNotification, Text: "will tell #general"},
		},
	}
}

func (w *world) telling(key string, kind narrative.NotificationKind, stories ...narrative.Story) narrative.Telling {
	t := narrative.Telling{
		Notification: narrative.Notification{
			Key: key, Kind: kind, Channel: narrative.ChannelSlack, Recipient: room, CreatedAt: w.now,
			Message: narrative.Message{Subject: "[Told] " + key, Text: key + " happened.\n\nAnd this is how to answer."},
		},
		Stories: stories,
	}
	if len(stories) > 0 {
		t.IssueID = stories[0].Issue.ID
	}
	return t
}

// send sends, and fails the test where that fails.
func (w *world) send(t narrative.Telling) narrative.Sent {
	w.Helper()
	sent, err := w.Send(context.Background(), t)
	if err != nil {
		w.Fatalf("send %s: %v", t.Key, err)
	}
	return sent
}

// card is the only message of the channel.
func (w *world) card() slackfake.Message {
	w.Helper()
	all := w.fake.Messages(room)
	if len(all) != 1 {
		w.Fatalf("%d messages", len(all))
	}
	return all[0]
}

func (w *world) replies() []slackfake.Message {
	w.Helper()
	return w.fake.Thread(room, w.card().TS)
}

// contains fails the test where the text lacks one of the parts.
func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in\n%s", part, text)
		}
	}
}

func lacks(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(text, part) {
			t.Errorf("%q is in\n%s", part, text)
		}
	}
}

// comment adds a line to a story.
func comment(s narrative.Story, text string) narrative.Story {
	s.Entries = append(append([]narrative.Entry{}, s.Entries...), narrative.Entry{
		Number: newest(s) + 1, At: s.Issue.OpenedAt, Kind: narrative.EntryComment, By: "Ada", Text: text,
	})
	return s
}

// act is a signal that was sent.
type act struct {
	issue   string
	name    narrative.SignalName
	payload string
}

// desk is an [Interactions] before a world, and what it did.
type desk struct {
	*world
	*Interactions
	url string

	mutex sync.Mutex
	acts  []act
	fails error
	holds chan struct{} // signals wait for it to be closed; nil: for nothing
}

func (w *world) desk() *desk {
	w.Helper()
	d := &desk{world: w}
	var err error
	d.Interactions, err = NewInteractions(InteractionsOptions{
		SigningSecret: slackfake.SigningSecret, Slack: w.Slack, Act: d.act, Logger: slog.New(slog.NewTextHandler(w.log, nil)),
		Operators: func(context.Context) ([]narrative.Person, error) {
			return []narrative.Person{{Name: "Ada", Slack: ada}}, nil
		},
	})
	if err != nil {
		w.Fatal(err)
	}
	server := httptest.NewServer(d.Interactions)
	w.Cleanup(server.Close)
	w.Cleanup(d.Wait)
	d.url = server.URL + InteractionsPath
	return d
}

func (d *desk) act(ctx context.Context, issue string, name narrative.SignalName, payload json.RawMessage) error {
	if d.holds != nil {
		<-d.holds
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.acts = append(d.acts, act{issue, name, string(payload)})
	return d.fails
}

// press presses a button and waits until it was acted on.
func (d *desk) press(user string, m slackfake.Message, text string) slackfake.Heard {
	d.Helper()
	heard, err := d.fake.Press(d.url, user, m, text, 0)
	if err != nil {
		d.Fatal(err)
	}
	d.Wait()
	return heard
}

// submit fills in the newest form and waits until it was acted on.
func (d *desk) submit(user string, values map[string]string) slackfake.Heard {
	d.Helper()
	views := d.fake.Views()
	if len(views) == 0 {
		d.Fatalf("no form was opened; log:\n%s", d.log)
	}
	heard, err := d.fake.Submit(d.url, user, views[len(views)-1], values)
	if err != nil {
		d.Fatal(err)
	}
	d.Wait()
	return heard
}

func (d *desk) acted() []act {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return append([]act(nil), d.acts...)
}

// told is the only thing that was shown to the one who pressed.
func (d *desk) told() string {
	d.Helper()
	all := d.fake.Ephemerals()
	if len(all) != 1 {
		d.Fatalf("%d were told; log:\n%s", len(all), d.log)
	}
	return all[0].Text
}
