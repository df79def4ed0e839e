package tests

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/narrative-go/narrative/executor/email/smtpfake"
	"github.com/narrative-go/narrative/executor/slack/slackfake"
	"github.com/narrative-go/narrative/executor/webhook"
)

const hookSecret = "s3cret-of-the-receiver"

// told has every channel follow the invoices, with a digest so small that it gathers.
const told = `
config:
  admins: {email: [ops@example.com]}
  digest: {more_than: 3, within: 3s}
` + balance + `
    notify:
      - {email: [team@example.com], slack: "#ops", webhook: ["HOOK"]}
    diagnostics:
      - case: tell-billing
        when: issue.rounds == 0 && record.id matches "[13579]$"
        reason: billing knows
        plan: [{email: {to: billing@example.com, subject: "{{.Record.id}} is off", text: please look}}]
      - case: one-way
        when: record.id endsWith "2"
        reason: it may be recalculated
        plan: [{log_datum: {name: recalculated}}]
      - case: another-way
        when: record.id endsWith "2"
        reason: it may be written off
        plan: [{log_datum: {name: written-off}}]
`

// betweenDecidingAndRecording are the points at which the worker is killed: from the check that decides what is told to
// the moment when it is known to have been sent.
var betweenDecidingAndRecording = []string{
	"RecordCheck/failed:before", "RecordCheck/failed:after", "HandoffsDone:before", "ChangeIssue/round/1/end:before",
	"ChangeIssue/round/1/end:after", "AddNotifications:before", "AddNotifications:after", "NotificationTried:after", "BeginSending:before", "BeginSending:after", "NotificationSent:before",
	"NotificationSent:after", "KeepPosts:before", "KeepPosts:after", "ChangeIssue/resolve/:before", "ChangeIssue/resolve/:after",
}

// receiver is a webhook's receiver, which verifies signatures.
type receiver struct {
	*httptest.Server
	mu  sync.Mutex
	got map[string]int // by Idempotency-Key
	bad []error
	of  map[string]string // the issues that a request was about, by its key
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{got: map[string]int{}, of: map[string]string{}}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(_ http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err == nil {
		err = webhook.Verify(hookSecret, q.Header.Get(webhook.SignatureHeader), body, time.Now(), 0)
	}
	var b webhook.Body
	if err == nil {
		err = json.Unmarshal(body, &b)
	}
	key := q.Header.Get("Idempotency-Key")
	if err == nil && (b.Version != 1 || b.Key != key) {
		err = fmt.Errorf("body %s of key %s", body, key)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got[key]++
	for _, i := range b.Issues {
		r.of[key] += i.ID + " "
	}
	if err != nil {
		r.bad = append(r.bad, err)
	}
}

// pointsOf are the points at which the worker is killed: where there are enough kills for it each of them first, the
// rest at random.
func pointsOf(random *rand.Rand, kills int) []string {
	var points []string
	if kills >= len(betweenDecidingAndRecording) {
		points = append(points, betweenDecidingAndRecording...)
	}
	for len(points) < kills {
		points = append(points, betweenDecidingAndRecording[random.IntN(len(betweenDecidingAndRecording))])
	}
	return points
}

// kills is how often the worker is killed: five times in `make test`, and as often as TORTURE says in `make torture`.
func kills(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("TORTURE"))
	if err != nil {
		return 5
	}
	return n
}

// TestTorture kills the worker with SIGKILL, again and again, at random between deciding and recording a send, while
// invoices go off and are corrected. At the end every recipient has each message at least once, messages that came
// twice are the same message and in Slack there are none, and whoever was told that something broke was told that it
// is fixed.
func TestTorture(t *testing.T) {
	t.Parallel()
	mails, slack, hooks := smtpfake.New(t, smtpfake.Options{Greylist: 1}), slackfake.New(t), newReceiver(t)
	slack.AddChannel("ops")
	dir := ledger(t, strings.Replace(told, "HOOK", hooks.URL, 1), 0)
	env := settings{
		"NARRATIVE_SMTP_URL": mails.URL(), "NARRATIVE_SLACK_BOT_TOKEN": slackfake.Token, "SLACK_API_URL": slack.URL(),
		"NARRATIVE_WEBHOOK_SECRET": hookSecret,
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	db := filepath.Join(dir, "shop.db")
	for n, point := range pointsOf(random, kills(t)) {
		each := n < len(betweenDecidingAndRecording) && kills(t) >= len(betweenDecidingAndRecording)
		env["TEST_CRASH_AT"], env["TEST_CRASH_AFTER"] = point, strconv.Itoa(random.IntN(3))
		env["TEST_CRASH_DONE"] = filepath.Join(dir, fmt.Sprintf("died-%d", n))
		slack.Drop("chat.postMessage", 1) // the answer to one message is lost, and one is put off
		slack.Limit("chat.postMessage", 1, 1)
		p := launch(t, programBinary, dir, env, devFlags()...)
		within := time.Duration(10+random.IntN(5)) * time.Second
		if each {
			within, env["TEST_CRASH_AFTER"] = time.Minute, "0"
		}
		deadline := time.After(within)
		for alive, off := true, false; alive; off = !off {
			execute(t, db, fmt.Sprintf("UPDATE invoices SET off = %t WHERE id IN (%d, %d)", !off, 1+random.IntN(20), 1+random.IntN(20)))
			select {
			case <-p.done:
				alive = false
			case <-deadline: // the point was not come by: it is killed wherever it is
				_ = p.end(syscall.SIGKILL, 10*time.Second)
				alive = false
			case <-time.After(time.Duration(500+random.IntN(1500)) * time.Millisecond):
			}
		}
		_, err := os.Stat(env["TEST_CRASH_DONE"])
		if err != nil && each {
			t.Errorf("the worker was not killed at %s: it did not come by", point)
		}
		t.Logf("killed at %s: %t", point, err == nil)
	}
	delete(env, "TEST_CRASH_AT")
	p := start(t, programBinary, dir, env, devFlags()...)
	await(t, 60*time.Second, "something was told", func() error {
		if len(p.ledger("")) == 0 {
			execute(t, db, "UPDATE invoices SET off = TRUE WHERE id < 4")
			return fmt.Errorf("nothing")
		}
		return nil
	})
	execute(t, db, "UPDATE invoices SET off = FALSE")
	await(t, 120*time.Second, "every issue is resolved and everything told", func() error {
		for _, i := range p.issues("?limit=500") {
			if i.Status != "resolved" {
				return fmt.Errorf("issue %+v", i)
			}
		}
		if left := p.ledger("&state=pending"); len(left) > 0 {
			return fmt.Errorf("%d are pending, such as %+v", len(left), left[0])
		}
		return nil
	})
	all := p.ledger("")
	wantTold(t, all, mails, slack, hooks)
	wantRecoveries(t, all)
	t.Logf("%d kills, %d notifications", kills(t), len(all))
}

// notification is one as the API shows it.
type notification struct {
	Key       string `json:"key"`
	Batch     string `json:"batch"`
	IssueID   string `json:"issue_id"`
	Kind      string `json:"kind"`
	Channel   string `json:"channel"`
	Recipient string `json:"recipient"`
	State     string `json:"state"`
	LastError string `json:"last_error"`
}

// ledger returns all notifications that the query selects.
func (p *process) ledger(query string) (all []notification) {
	p.t.Helper()
	cursor := ""
	for {
		var page struct {
			Items      []notification `json:"items"`
			NextCursor string         `json:"next_cursor"`
		}
		p.get("/api/v1/notifications?limit=500"+query+cursor, &page)
		all = append(all, page.Items...)
		if page.NextCursor == "" {
			return all
		}
		cursor = "&cursor=" + url.QueryEscape(page.NextCursor)
	}
}

// wantTold fails unless each notification of the ledger was sent and arrived: by mail and webhook at least once, in
// Slack exactly once.
func wantTold(t *testing.T, all []notification, mails *smtpfake.Server, slack *slackfake.Server, hooks *receiver) {
	t.Helper()
	byMail := map[string][]smtpfake.Message{}
	for _, m := range mails.Messages() {
		key, _, _ := strings.Cut(strings.Trim(m.Header.Get("Message-ID"), "<>"), "@")
		byMail[key] = append(byMail[key], m)
	}
	inSlack, marks := map[string]string{}, map[string]int{} // the issues that a message is about, by its key
	for _, m := range slack.Messages("ops") {
		for _, posted := range append(slack.Thread("ops", m.TS), m) {
			inSlack[fmt.Sprint(posted.Metadata.Payload["key"])] += fmt.Sprint(posted.Metadata.Payload["issues"])
			marks[fmt.Sprint(posted.ThreadTS, posted.Metadata.Payload)]++ // what it says, of what, and in which thread
		}
	}
	hooks.mu.Lock()
	defer hooks.mu.Unlock()
	twice := 0
	for _, n := range all {
		if n.State != "sent" {
			t.Errorf("%+v is not sent", n)
		}
		switch n.Channel {
		case "email":
			got := byMail[n.Batch]
			if len(got) == 0 {
				t.Errorf("no mail of %+v", n)
				continue
			}
			named := strings.Join(got[0].Header["X-Narrative-Issue"], " ")
			if !strings.Contains(named, n.IssueID) {
				t.Errorf("the mail %s does not name issue %s: %s", n.Batch, n.IssueID, named)
			}
		case "slack":
			if !strings.Contains(inSlack[n.Batch], n.IssueID) {
				t.Errorf("nothing in Slack of %+v", n)
			}
		case "webhook":
			if hooks.got[n.Batch] == 0 || !strings.Contains(hooks.of[n.Batch], n.IssueID) {
				t.Errorf("no request of %+v", n)
			}
		}
	}
	for key, got := range byMail {
		if len(got) > 1+kills(t) { // one each time that it was killed in the window
			t.Errorf("%s came %d times", key, len(got))
		}
		for _, again := range got[1:] {
			twice++
			if again.Header.Get("To") != got[0].Header.Get("To") || again.Subject != got[0].Subject {
				t.Errorf("what came twice under %s differs: %s and %s", key, got[0].Raw, again.Raw)
			}
		}
	}
	for mark, n := range marks {
		if n > 1 {
			t.Errorf("%s stands %d times in Slack", mark, n)
		}
	}
	if len(hooks.bad) > 0 {
		t.Errorf("requests that do not verify: %v", hooks.bad)
	}
	t.Logf("%d mails, of which %d came again", len(mails.Messages()), twice)
}

// wantRecoveries fails unless everybody who was told of an issue was told that it is over.
func wantRecoveries(t *testing.T, all []notification) {
	t.Helper()
	over := map[[3]string]bool{}
	for _, n := range all {
		if n.Kind == "resolved" {
			over[[3]string{n.IssueID, n.Channel, n.Recipient}] = true
		}
	}
	for _, n := range all {
		if !over[[3]string{n.IssueID, n.Channel, n.Recipient}] {
			t.Errorf("%s was told by %s of issue %s (%s), and not that it is over", n.Recipient, n.Channel, n.IssueID, n.Kind)
		}
	}
}
