package slack

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/executor/slack/slackfake"
)

func TestAnIssueGetsOneCard(t *testing.T) {
	t.Parallel()
	w := setup(t)
	sent := w.send(w.telling("k1", narrative.NotifyApproval, w.story("i-1")))
	card := w.card()
	place := w.fake.ChannelID(room)
	want := narrative.Sent{
		Receipt: place + "/" + card.TS,
		Posts:   []narrative.Post{{IssueID: "i-1", Channel: "slack", Recipient: room, Place: place, Message: card.TS, Shown: 3, Told: "k1"}},
	}
	if diff := cmp.Diff(want, sent); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	contains(t, card.Text, "*[Told] k1*", "k1 happened.")
	lacks(t, card.Text, "how to answer")
	contains(t, card.Said(), "invoices-balance invoice i-1", "severity *error*", "off by &lt;5&gt; &amp; more", "waits for approval since <!date^",
		"opened <!date^", "rebalance", "plan: refund, email", "`abababababab`", "issue `i-1`")
	if diff := cmp.Diff([]string{"Approve", "Reject", "Acknowledge", "Snooze", "Resolve", "Won't fix"}, card.Buttons()); diff != "" {
		t.Error(diff)
	}
	if card.Attachments[0].Color != orange {
		t.Error(card.Attachments[0].Color)
	}
	wantMark := map[string]any{"key": "k1", "issues": []any{"i-1"}, "count": 1.0}
	if diff := cmp.Diff(slackfake.Metadata{EventType: "narrative_message", Payload: wantMark}, card.Metadata); diff != "" {
		t.Error(diff)
	}
	replies := w.replies()
	if len(replies) != 1 {
		t.Fatalf("%d replies", len(replies))
	}
	contains(t, replies[0].Text, "opened: off by &lt;5&gt;", "round 1 of diagnosis")
	lacks(t, replies[0].Text, "will tell")
	if diff := cmp.Diff(map[string]any{"issue": "i-1", "entry": 2.0}, replies[0].Metadata.Payload); diff != "" {
		t.Error(diff)
	}
}

func TestTheApprovalDialogShowsThePlanAndTheDigest(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.send(w.telling("k1", narrative.NotifyApproval, w.story("i-1")))
	contains(t, w.card().Said(), `"confirm":{`, "plan: refund, email\\ndigest: "+strings.Repeat("ab", 32))
}

func TestALaterTellingIsAReplyAndTheCardIsEdited(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.story("i-1")
	s.Notifications = []narrative.Notification{w.telling("k1", narrative.NotifyOpened, s).Notification}
	sent := w.send(w.telling("k1", narrative.NotifyOpened, s))
	s = comment(s, "I am <on> it")
	s.Issue.Acknowledged = &narrative.Acknowledgement{By: "Ada", At: w.now, Reason: "mine"}
	later := w.now.Add(time.Hour)
	s.Issue.SnoozedUntil = &later
	next := w.telling("k2", narrative.NotifyImpasse, s)
	next.Posts = sent.Posts
	sent = w.send(next)
	replies := w.replies()
	if len(replies) != 3 {
		t.Fatalf("%d replies", len(replies))
	}
	contains(t, replies[1].Text, "*[Told] k2*", "how to answer")
	contains(t, replies[2].Text, "*Ada*: I am &lt;on&gt; it")
	if got := sent.Receipt; got != sent.Posts[0].Place+"/"+replies[1].TS || sent.Posts[0].Shown != 4 {
		t.Errorf("%+v", sent)
	}
	if replies[1].Broadcast || len(replies[1].Buttons()) != 0 {
		t.Errorf("%+v", replies[1])
	}
	card := w.card()
	contains(t, card.Text, "*[Told] k1*")
	contains(t, card.Said(), "acknowledged by *Ada*", "mine", "snoozed until <!date^")
	if card.Edits != 1 || card.Metadata.Payload["key"] != "k1" {
		t.Errorf("%+v", card)
	}
}

func TestEscalationsAndRemindersAreShownInTheChannelAgain(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.story("i-1")
	posts := w.send(w.telling("k1", narrative.NotifyOpened, s)).Posts
	for _, kind := range []narrative.NotificationKind{narrative.NotifyEscalated, narrative.NotifyRenotified, narrative.NotifyApproval} {
		next := w.telling(string(kind), kind, s)
		next.Posts = posts
		w.send(next)
	}
	var got []bool
	for _, r := range w.replies()[1:] {
		got = append(got, r.Broadcast)
	}
	if diff := cmp.Diff([]bool{true, true, false}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAClosedCardHasNoButtonsAndSaysHowLongItLasted(t *testing.T) {
	t.Parallel()
	for status, colour := range map[narrative.Status]string{narrative.StatusResolved: green, narrative.StatusWontFix: grey} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			s := w.story("i-1")
			posts := w.send(w.telling("k1", narrative.NotifyOpened, s)).Posts
			s.Issue.Status, s.Issue.ResolvedAt, s.Issue.Awaiting = status, &w.now, nil
			next := w.telling("k2", narrative.NotifyResolved, s)
			next.Posts = posts
			w.send(next)
			card := w.card()
			contains(t, card.Said(), "lasted 1h", statusWords(s.Issue))
			if card.Attachments[0].Color != colour || len(card.Buttons()) != 0 {
				t.Errorf("%s, %q", card.Attachments[0].Color, card.Buttons())
			}
		})
	}
}

func TestATellingWithoutIssuesIsAPlainMessage(t *testing.T) {
	t.Parallel()
	w := setup(t)
	sent := w.send(w.telling("k1", narrative.NotifyTest))
	m := w.card()
	contains(t, m.Text, "*[Told] k1*\nk1 happened.\n\nAnd this is how to answer.")
	if len(sent.Posts) != 0 || len(m.Attachments) != 0 || sent.Receipt != w.fake.ChannelID(room)+"/"+m.TS {
		t.Errorf("%+v, %+v", sent, m)
	}
}

func TestTheBlocksOfAnActionStandAboveTheCard(t *testing.T) {
	t.Parallel()
	w := setup(t)
	told := w.telling("k1", narrative.NotifyAction, w.story("i-1"))
	told.Message.Blocks = []any{map[string]any{"type": "section", "text": map[string]any{"type": "mrkdwn", "text": "my own"}}}
	for range 60 {
		told.Message.Blocks = append(told.Message.Blocks, map[string]any{"type": "divider"})
	}
	w.send(told)
	m := w.card()
	contains(t, m.Text, "how to answer")
	if len(m.All()) != maxBlocks || textOf(m.Blocks[0]) != "my own" || len(m.Attachments) != 1 {
		t.Errorf("%d blocks", len(m.All()))
	}
}

func textOf(b slackfake.Block) string {
	o, _ := b["text"].(map[string]any)
	s, _ := o["text"].(string)
	return s
}

func TestEverythingFitsSlacksLimits(t *testing.T) {
	t.Parallel()
	w := setup(t)
	long := strings.Repeat("<&😀>", 4000)
	s := w.story("i-1")
	s.Issue.Record.ID, s.Issue.Summary = long, long
	s.Issue.Acknowledged = &narrative.Acknowledgement{By: long, At: w.now, Reason: long}
	step := s.Issue.Steps[0]
	step.Reason, step.Case, step.Solution = long, long, &narrative.Solution{Error: long}
	for range 200 {
		step.Solution.Plan = append(step.Solution.Plan, narrative.Do("some-action<>", nil))
	}
	s.Issue.Steps = nil
	for n := range 20 {
		step.ID = step1 + strings.Repeat("x", n)
		s.Issue.Steps = append(s.Issue.Steps, step)
	}
	for range 40 {
		s = comment(s, long)
	}
	told := w.telling("k1", narrative.NotifyApproval, s)
	told.Message = narrative.Message{Subject: long, Text: long + "\n\n" + long}
	sent := w.send(told)
	contains(t, w.card().Said(), "and 15 more")
	replies := w.replies()
	if len(replies) != maxReplies || sent.Posts[0].Shown != 43 {
		t.Errorf("%d replies, %+v", len(replies), sent.Posts)
	}
	contains(t, replies[0].Text, "earlier lines")
	told = w.telling("k2", narrative.NotifyEscalated, s)
	told.Posts, told.Message = sent.Posts, narrative.Message{Subject: long, Text: long}
	w.send(told)
}

func TestACardThatIsGoneIsMadeAgain(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.story("i-1")
	next := w.telling("k2", narrative.NotifyImpasse, s)
	next.Posts = w.send(w.telling("k1", narrative.NotifyOpened, s)).Posts
	w.fake.Delete(room, w.card().TS)
	sent := w.send(next)
	if card := w.card(); sent.Posts[0].Message != card.TS {
		t.Errorf("%+v", sent)
	}
}

func TestARefusalIsOneSentenceWithSlacksWord(t *testing.T) {
	t.Parallel()
	for word, says := range map[string]string{
		"not_in_channel": "invite it with /invite", "channel_not_found": "no such channel", "invalid_auth": "give a new bot token",
		"token_revoked": "the token was revoked", "account_inactive": "deactivated", "token_expired": "expired", "not_authed": "no token",
		"msg_too_long": "too long", "invalid_blocks": "not valid", "restricted_action": "rules", "is_archived": "archived",
		"some_new_word": "Slack refused it",
	} {
		t.Run(word, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.fake.Fail("chat.postMessage", word, 1)
			_, err := w.Send(context.Background(), w.telling("k1", narrative.NotifyTest))
			if narrative.KindOf(err) != narrative.Invalid {
				t.Fatalf("got %v", err)
			}
			contains(t, err.Error(), "post to Slack's #general: ", says, "("+word+")")
			lacks(t, err.Error(), slackfake.Token)
		})
	}
}

func TestWhatSlackRefusesByItselfIsPermanent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		arrange func(*slackfake.Server)
		says    string
	}{
		"an archived channel":       {func(s *slackfake.Server) { s.Archive(room) }, "is archived"},
		"a channel it is not in":    {func(s *slackfake.Server) { s.Kick(room) }, "/invite"},
		"a scope that it lacks":     {func(s *slackfake.Server) { s.SetScopes("channels:read") }, "needed: chat:write; provided: channels:read"},
		"a token that was revoked":  {func(s *slackfake.Server) { s.RefuseToken("token_revoked") }, "revoked"},
		"blocks that are not valid": {nil, "unsupported type: nonsense"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			told := w.telling("k1", narrative.NotifyAction)
			if c.arrange == nil {
				told.Message.Blocks = []any{map[string]any{"type": "nonsense"}}
			} else {
				c.arrange(w.fake)
			}
			_, err := w.Send(context.Background(), told)
			if narrative.KindOf(err) != narrative.Invalid {
				t.Fatalf("got %v", err)
			}
			contains(t, err.Error(), c.says)
		})
	}
}

func TestWhatMayPassIsUnavailable(t *testing.T) {
	t.Parallel()
	for name, arrange := range map[string]func(*slackfake.Server){
		"internal_error":      func(s *slackfake.Server) { s.Fail("chat.postMessage", "internal_error", 1) },
		"service_unavailable": func(s *slackfake.Server) { s.Fail("chat.postMessage", "service_unavailable", 1) },
		"fatal_error":         func(s *slackfake.Server) { s.Fail("chat.postMessage", "fatal_error", 1) },
		"request_timeout":     func(s *slackfake.Server) { s.Fail("chat.postMessage", "request_timeout", 1) },
		"ratelimited":         func(s *slackfake.Server) { s.Fail("chat.postMessage", "ratelimited", 1) },
		"503":                 func(s *slackfake.Server) { s.Break("chat.postMessage", 503, 1) },
		"a dropped answer":    func(s *slackfake.Server) { s.Drop("chat.postMessage", 1) },
		"no server":           func(s *slackfake.Server) { s.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			arrange(w.fake)
			_, err := w.Send(context.Background(), w.telling("k1", narrative.NotifyTest))
			if narrative.KindOf(err) != narrative.Unavailable || strings.Contains(err.Error(), slackfake.Token) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestARetryAfterIsKept(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.fake.Limit("chat.postMessage", 17, 1)
	_, err := w.Send(context.Background(), w.telling("k1", narrative.NotifyTest))
	var e *narrative.Error
	if !errors.As(err, &e) || e.Kind != narrative.Unavailable || e.RetryAfter != 17*time.Second {
		t.Fatalf("got %#v", err)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the token got elsewhere") }))
	t.Cleanup(elsewhere.Close)
	here := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	t.Cleanup(here.Close)
	s, err := New(Options{Token: slackfake.Token, APIURL: here.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Check(context.Background()); narrative.KindOf(err) != narrative.Invalid {
		t.Errorf("got %v", err)
	}
}

func TestCheckSaysWhoTheBotIsAndWhatItLacks(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := context.Background()
	if said, err := w.Check(ctx); err != nil || said != "Acme as narrative" {
		t.Errorf("%q, %v", said, err)
	}
	w.fake.SetScopes("chat:write", "channels:history", "channels:read", "groups:read")
	if said, err := w.Check(ctx); err != nil || said != "Acme as narrative; missing scopes: groups:history (a message to a private channel may be posted twice)" {
		t.Errorf("%q, %v", said, err)
	}
	w.fake.SetScopes("channels:read")
	if _, err := w.Check(ctx); narrative.KindOf(err) != narrative.Invalid || !strings.Contains(err.Error(), "lacks the scope chat:write") {
		t.Errorf("got %v", err)
	}
	w.fake.RefuseToken("account_inactive")
	if _, err := w.Check(ctx); narrative.KindOf(err) != narrative.Invalid || !strings.Contains(err.Error(), "(account_inactive)") {
		t.Errorf("got %v", err)
	}
}

func TestNewRefusesWhatItCannotWorkWith(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{{}, {Token: slackfake.Token, APIURL: "slack.com"}} {
		if _, err := New(o); narrative.KindOf(err) != narrative.Invalid || strings.Contains(err.Error(), slackfake.Token) {
			t.Errorf("got %v", err)
		}
	}
}
