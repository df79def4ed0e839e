package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/executor/slack/slackfake"
)

// opened is a desk with a card on it.
func opened(t *testing.T) (*desk, slackfake.Message) {
	t.Helper()
	w := setup(t)
	w.send(w.telling("k1", narrative.NotifyApproval, w.story("i-1")))
	return w.desk(), w.card()
}

func TestApproveSendsTheDigestThatWasShown(t *testing.T) {
	t.Parallel()
	d, card := opened(t)
	if heard := d.press(ada, card, "Approve"); heard.Status != http.StatusOK || heard.Body != "" {
		t.Errorf("%+v", heard)
	}
	want := []act{{"i-1", "approve", `{"by":"Ada","digest":"` + strings.Repeat("ab", 32) + `","step_id":"step-1"}`}}
	if diff := cmp.Diff(want, d.acted(), cmp.AllowUnexported(act{})); diff != "" {
		t.Error(diff)
	}
	if n := len(d.fake.Ephemerals()); n != 0 {
		t.Errorf("%d were told", n)
	}
}

func TestCarryOutSendsASolution(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.story("i-1")
	s.Issue.Steps[0].State = narrative.StepProposed
	w.send(w.telling("k1", narrative.NotifyImpasse, s))
	d := w.desk()
	d.press(ada, w.card(), "Carry out")
	want := []act{{"i-1", "solution", `{"by":"Ada","step_id":"step-1"}`}}
	if diff := cmp.Diff(want, d.acted(), cmp.AllowUnexported(act{})); diff != "" {
		t.Error(diff)
	}
}

func TestTheOtherButtonsAskForAReasonFirst(t *testing.T) {
	t.Parallel()
	for button, c := range map[string]struct {
		values map[string]string
		name   narrative.SignalName
		want   string
	}{
		"Reject":      {map[string]string{"reason": "no"}, "reject", `{"by":"Ada","digest":"` + strings.Repeat("ab", 32) + `","reason":"no","step_id":"step-1"}`},
		"Acknowledge": {nil, "acknowledge", `{"by":"Ada"}`},
		"Snooze":      {map[string]string{"for": "1d"}, "snooze", `{"by":"Ada","for":"1d"}`},
		"Resolve":     {map[string]string{"reason": "fixed by hand"}, "resolve", `{"by":"Ada","reason":"fixed by hand"}`},
		"Won't fix":   {map[string]string{"reason": "as meant"}, "wont_fix", `{"by":"Ada","reason":"as meant"}`},
	} {
		t.Run(button, func(t *testing.T) {
			t.Parallel()
			d, card := opened(t)
			d.press(ada, card, button)
			if len(d.acted()) != 0 {
				t.Fatal("it was done before it was asked")
			}
			if heard := d.submit(ada, c.values); heard.Status != http.StatusOK || heard.Body != "" {
				t.Errorf("%+v", heard)
			}
			if diff := cmp.Diff([]act{{"i-1", c.name, c.want}}, d.acted(), cmp.AllowUnexported(act{})); diff != "" {
				t.Error(diff)
			}
			if n := len(d.fake.Ephemerals()); n != 0 {
				t.Errorf("%d were told", n)
			}
		})
	}
}

func TestALengthOfTimeBecomesAnEnd(t *testing.T) {
	t.Parallel()
	for _, button := range []string{"Acknowledge", "Won't fix"} {
		t.Run(button, func(t *testing.T) {
			t.Parallel()
			d, card := opened(t)
			d.press(ada, card, button)
			d.submit(ada, map[string]string{"reason": "later", "until": "1d"})
			acts := d.acted()
			if len(acts) != 1 {
				t.Fatalf("%v", acts)
			}
			var s narrative.Signal
			if err := json.Unmarshal([]byte(acts[0].payload), &s); err != nil || s.Until == nil {
				t.Fatalf("%v, %s", err, acts[0].payload)
			}
			if off := s.Until.Sub(time.Now().Add(24 * time.Hour)).Abs(); off > time.Minute {
				t.Errorf("until %s", s.Until)
			}
		})
	}
}

func TestAFormThatLacksSomethingSaysWhat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		button string
		values map[string]string
		field  string
	}{
		{"Reject", nil, "reason"},
		{"Reject", map[string]string{"reason": "  "}, "reason"},
		{"Won't fix", map[string]string{"until": "1d"}, "reason"},
		{"Snooze", map[string]string{"for": "a while"}, "for"},
		{"Snooze", map[string]string{"for": "4000d"}, "for"},
	} {
		d, card := opened(t)
		d.press(ada, card, c.button)
		heard := d.submit(ada, c.values)
		var said struct {
			Action string            `json:"response_action"`
			Errors map[string]string `json:"errors"`
		}
		if err := json.Unmarshal([]byte(heard.Body), &said); err != nil || said.Action != "errors" || said.Errors[c.field] == "" || len(said.Errors) != 1 {
			t.Errorf("%s: %v, %+v", c.button, err, heard)
		}
		if len(d.acted()) != 0 {
			t.Errorf("%s: %v", c.button, d.acted())
		}
		// Filled in, the same form is taken.
		d.submit(ada, map[string]string{"reason": "because", "for": "30m"})
		if len(d.acted()) != 1 {
			t.Errorf("%s: %v", c.button, d.acted())
		}
	}
}

func TestWhoIsNoOperatorIsToldHowToBecomeOne(t *testing.T) {
	t.Parallel()
	for _, button := range []string{"Approve", "Snooze"} {
		d, card := opened(t)
		if heard := d.press(eve, card, button); heard.Status != http.StatusOK {
			t.Errorf("%+v", heard)
		}
		contains(t, d.told(), "you may not act", "config.operators", eve)
		if len(d.acted())+len(d.fake.Views()) != 0 {
			t.Error("something was done")
		}
		if to := d.fake.Ephemerals()[0].User; to != eve {
			t.Error(to)
		}
	}
	d, card := opened(t)
	d.press(ada, card, "Resolve")
	d.submit(eve, nil)
	contains(t, d.told(), "you may not act")
	if len(d.acted()) != 0 {
		t.Error("something was done")
	}
}

func TestWhatIsRefusedIsToldToTheOneWhoPressed(t *testing.T) {
	t.Parallel()
	for says, fails := range map[string]error{
		"Not done: issue <i-1> is closed":   narrative.Errorf(narrative.Conflict, "issue <i-1> is closed"),
		"Not done for now: no worker":       narrative.Errorf(narrative.Unavailable, "no worker"),
		"Something went wrong":              io.ErrUnexpectedEOF,
		"It took too long, and may or may ": context.DeadlineExceeded,
	} {
		d, card := opened(t)
		d.fails = fails
		d.press(ada, card, "Approve")
		contains(t, d.told(), strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(says))
		lacks(t, d.told(), "EOF")
		d.press(ada, card, "Resolve")
		d.submit(ada, nil)
		if n := len(d.fake.Ephemerals()); n != 2 {
			t.Errorf("%d were told", n)
		}
	}
}

func TestAFormThatCannotBeOpenedIsTold(t *testing.T) {
	t.Parallel()
	d, card := opened(t)
	d.fake.Fail("views.open", "expired_trigger_id", 1)
	d.press(ada, card, "Snooze")
	contains(t, d.told(), "press again (expired_trigger_id)")
}

func TestTheSameInteractionIsActedOnOnce(t *testing.T) {
	t.Parallel()
	d, card := opened(t)
	again := func() {
		t.Helper()
		if heard, err := d.fake.Repeat(d.url); err != nil || heard.Status != http.StatusOK {
			t.Errorf("%+v, %v", heard, err)
		}
		d.Wait()
	}
	d.press(ada, card, "Approve")
	again()
	d.press(ada, card, "Snooze")
	again()
	d.submit(ada, map[string]string{"for": "1h"})
	again()
	if len(d.acted()) != 2 || len(d.fake.Views()) != 1 || len(d.fake.Ephemerals()) != 0 {
		t.Errorf("%v, %d forms, %v", d.acted(), len(d.fake.Views()), d.fake.Ephemerals())
	}
	d.press(ada, card, "Approve")
	if len(d.acted()) != 3 {
		t.Error("a second press is not a repeat")
	}
}

func TestTheMemoryIsBounded(t *testing.T) {
	t.Parallel()
	m := &memory{at: map[string]time.Time{}}
	now := time.Now()
	for n := range 3 * maxMemory {
		m.first(now, strings.Repeat("x", n%7)+time.Duration(n).String())
	}
	if len(m.at) > maxMemory+1 || len(m.at) != len(m.order) {
		t.Errorf("%d, %d", len(m.at), len(m.order))
	}
	if !m.first(now, "a", "b") || m.first(now.Add(memoryTime), "b", "c") || !m.first(now.Add(memoryTime+time.Second), "a") {
		t.Error("it remembers the wrong ones")
	}
}

func TestItAnswersAtOnceAndIsBounded(t *testing.T) {
	t.Parallel()
	d, card := opened(t)
	d.holds = make(chan struct{})
	for range maxJobs {
		began := time.Now()
		if heard, err := d.fake.Press(d.url, ada, card, "Approve", 0); err != nil || heard.Status != http.StatusOK || time.Since(began) > 2*time.Second {
			t.Fatalf("%+v, %v", heard, err)
		}
	}
	if heard, err := d.fake.Press(d.url, ada, card, "Approve", 0); err != nil || heard.Status != http.StatusOK {
		t.Fatalf("%+v, %v", heard, err)
	}
	for deadline := time.Now().Add(5 * time.Second); len(d.fake.Ephemerals()) == 0 && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	contains(t, d.told(), "busy", "press again")
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := d.Close(ctx); err != context.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
	if heard, err := d.fake.Press(d.url, ada, card, "Approve", 0); err != nil || heard.Status != http.StatusServiceUnavailable {
		t.Errorf("%+v, %v", heard, err)
	}
	close(d.holds)
	if err := d.Close(context.Background()); err != nil || len(d.acted()) != maxJobs {
		t.Errorf("%v, %d", err, len(d.acted()))
	}
}

func TestOnlyWhatSlackSignedOfLateIsHeard(t *testing.T) {
	t.Parallel()
	d, _ := opened(t)
	payload := "payload=" + url.QueryEscape(`{"type":"ping"}`)
	for name, c := range map[string]struct {
		body   string
		secret string
		at     time.Duration
		want   int
	}{
		"signed":          {payload, slackfake.SigningSecret, 0, 200},
		"four minutes":    {payload, slackfake.SigningSecret, -4 * time.Minute, 200},
		"another secret":  {payload, "another", 0, 401},
		"too old":         {payload, slackfake.SigningSecret, -6 * time.Minute, 401},
		"from the future": {payload, slackfake.SigningSecret, 6 * time.Minute, 401},
		"too large":       {strings.Repeat("x", 1<<20+1), slackfake.SigningSecret, 0, 413},
		"no payload":      {"a=b", slackfake.SigningSecret, 0, 400},
		"no JSON":         {"payload=x", slackfake.SigningSecret, 0, 400},
		"no form":         {"payload=%", slackfake.SigningSecret, 0, 400},
		"no issue":        {"payload=" + url.QueryEscape(`{"type":"block_actions","user":{"id":"`+ada+`"},"actions":[{"action_id":"narrative_approve","value":"{}"}]}`), slackfake.SigningSecret, 0, 400},
		"another button":  {"payload=" + url.QueryEscape(`{"type":"block_actions","user":{"id":"`+ada+`"},"actions":[{"action_id":"mine","value":"{}"}]}`), slackfake.SigningSecret, 0, 200},
		"another form":    {"payload=" + url.QueryEscape(`{"type":"view_submission","view":{"callback_id":"mine"}}`), slackfake.SigningSecret, 0, 200},
		"a broken form":   {"payload=" + url.QueryEscape(`{"type":"view_submission","view":{"callback_id":"narrative_snooze"}}`), slackfake.SigningSecret, 0, 400},
	} {
		r := httptest.NewRequest(http.MethodPost, InteractionsPath, strings.NewReader(c.body))
		slackfake.Sign(r.Header, c.secret, time.Now().Add(c.at), []byte(c.body))
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	for method, want := range map[string]int{http.MethodPost: 401, http.MethodGet: 405} {
		w := httptest.NewRecorder()
		d.ServeHTTP(w, httptest.NewRequest(method, InteractionsPath, bytes.NewReader(nil)))
		if w.Code != want {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
	if len(d.acted()) != 0 {
		t.Error("something was done")
	}
}

func TestOnlySlackIsAnswered(t *testing.T) {
	t.Parallel()
	d, _ := opened(t)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was answered elsewhere") }))
	t.Cleanup(elsewhere.Close)
	for _, to := range []string{elsewhere.URL, "", "://", "http://hooks.slack.com/x", "https://hooks.slack.com.evil.example/x"} {
		d.whisper(context.Background(), to, "psst")
	}
	if n := strings.Count(d.log.String(), "is not Slack's"); n != 5 {
		t.Errorf("%d refused", n)
	}
	if u, _ := url.Parse("https://hooks.slack.com/actions/x"); !d.mayAnswer(u) {
		t.Error("Slack may not be answered")
	}
}

func TestInteractionsNeedAllTheyAreGiven(t *testing.T) {
	t.Parallel()
	_, err := NewInteractions(InteractionsOptions{SigningSecret: "x"})
	if narrative.KindOf(err) != narrative.Invalid || !strings.Contains(err.Error(), "Slack is required") {
		t.Errorf("got %v", err)
	}
}
