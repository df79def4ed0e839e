package tests

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/narrative-go/narrative/executor/email/smtpfake"
	"github.com/narrative-go/narrative/executor/slack/slackfake"
)

// balance is an assertion over the rows of a database; more of its keys may follow.
const balance = `
assertions:
  - name: balance
    class: sql
    every: 1s
    timeout: 10s
    args:
      dsn: sqlite:shop.db
      violations: SELECT id FROM invoices WHERE off
      record: {type: invoice, id: id}
`

// invoices are followed by mail and in Slack.
const invoices = `
config:
  admins: {email: [ops@example.com]}
  operators: [{name: ann, slack: U0ANN0001}]
` + balance + `
    notify:
      - {email: [team@example.com], slack: "#incidents"}
      - {email: [director@example.com], severity: [critical]}
`

// ledger makes a folder with a database of invoices, of which the first so many are off, and a narrative.yaml.
func ledger(t *testing.T, manifest string, off int) string {
	t.Helper()
	dir := t.TempDir()
	db := filepath.Join(dir, "shop.db")
	execute(t, db, "CREATE TABLE invoices (id INTEGER PRIMARY KEY, off BOOLEAN NOT NULL)")
	for n := 1; n <= 20; n++ {
		execute(t, db, fmt.Sprintf("INSERT INTO invoices (id, off) VALUES (%d, %t)", n, n <= off))
	}
	write(t, filepath.Join(dir, "narrative.yaml"), manifest)
	return dir
}

// of returns the messages to an address of a kind.
func of(s *smtpfake.Server, to, kind string) (found []smtpfake.Message) {
	for _, m := range s.Messages() {
		if slices.Contains(m.To, to) && m.Header.Get("X-Narrative-Kind") == kind {
			found = append(found, m)
		}
	}
	return found
}

func (p *process) run(args ...string) (string, int) {
	p.t.Helper()
	return command(p.t, narrativeBinary, p.t.TempDir(), settings{"NARRATIVE_URL": p.url, "USER": "ann"}, args...)
}

// TestIssuesOfOneTickAreOneMessage opens five issues with one check, and repairs them together: each recipient has one
// message of the opening and one of the recovery, which name all five.
func TestIssuesOfOneTickAreOneMessage(t *testing.T) {
	t.Parallel()
	mails := smtpfake.New(t, smtpfake.Options{})
	dir := ledger(t, invoices, 5)
	p := start(t, narrativeBinary, dir, settings{"NARRATIVE_SMTP_URL": mails.URL()}, devFlags()...)
	whole := func(to, kind, subject string) func() error {
		return func() error {
			got := of(mails, to, kind)
			if len(got) != 1 || len(got[0].Header["X-Narrative-Issue"]) != 5 || got[0].Subject != subject {
				return fmt.Errorf("%d messages %s to %s: %+v", len(got), kind, to, got)
			}
			for n := 1; n <= 5; n++ {
				if !strings.Contains(got[0].Text, fmt.Sprintf("balance invoice %d", n)) {
					return fmt.Errorf("invoice %d is not named in %s", n, got[0].Text)
				}
			}
			return nil
		}
	}
	await(t, 30*time.Second, "the team is told of the opening", whole("team@example.com", "opened", "[Failing] 5 issues of balance"))
	await(t, 30*time.Second, "the admins are told of no solution", whole("ops@example.com", "no_solution", "[Failing] 5 issues of balance"))
	execute(t, filepath.Join(dir, "shop.db"), "UPDATE invoices SET off = FALSE")
	await(t, 30*time.Second, "the team is told of the recovery", whole("team@example.com", "resolved", "[Resolved] 5 issues of balance"))
	await(t, 30*time.Second, "the admins are told of the recovery", whole("ops@example.com", "resolved", "[Resolved] 5 issues of balance"))
	if got := of(mails, "director@example.com", "opened"); len(got) != 0 {
		t.Errorf("the director was told of what is not critical: %+v", got)
	}
	out, code := p.run("notification", "list", "--state", "suppressed")
	if code != 0 || strings.Count(out, "director@example.com") != 5 || !strings.Contains(out, "which does not take error") {
		t.Errorf("suppressed: exit %d\n%s", code, out)
	}
	out, code = p.run("route", "test", "balance", "--severity", "critical", "--kind", "opened")
	if code != 0 || !strings.Contains(out, "director@example.com  email  notify[1] of balance, for critical") {
		t.Errorf("route: exit %d\n%s", code, out)
	}
	root := of(mails, "team@example.com", "opened")[0].Header.Get("Message-ID")
	if over := of(mails, "team@example.com", "resolved")[0].Header; !strings.Contains(over.Get("References"), root) {
		t.Errorf("the recovery is not of the thread of %s: %q", root, over.Get("References"))
	}
}

// TestWhatIsRefusedIsUndelivered has one recipient refused, another greylisted, and a channel archived: who can be told
// is told, and the rest is seen, with the provider's words, and sent again when a person says so.
func TestWhatIsRefusedIsUndelivered(t *testing.T) {
	t.Parallel()
	mails := smtpfake.New(t, smtpfake.Options{Greylist: 1})
	mails.Refuse("team@example.com", smtpfake.Permanent)
	slack := slackfake.New(t)
	slack.AddChannel("incidents")
	slack.Archive("incidents")
	p := start(t, narrativeBinary, ledger(t, invoices, 1), settings{
		"NARRATIVE_SMTP_URL": mails.URL(), "NARRATIVE_SLACK_BOT_TOKEN": slackfake.Token, "SLACK_API_URL": slack.URL(),
	}, devFlags()...)
	await(t, 30*time.Second, "the admins are told", func() error {
		if got := of(mails, "ops@example.com", "no_solution"); len(got) != 1 {
			return fmt.Errorf("%+v", mails.Messages())
		}
		return nil
	})
	id := p.issues("")[0].ID
	var shown string
	await(t, 30*time.Second, "the issue shows what is undelivered", func() error {
		shown, _ = p.run("issue", "show", id)
		for _, part := range []string{"UNDELIVERED", "team@example.com", "there is no such user here", "#incidents", "is_archived"} {
			if !strings.Contains(shown, part) {
				return fmt.Errorf("%q is not in\n%s", part, shown)
			}
		}
		return nil
	})
	metrics, err := http.Get(p.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer metrics.Body.Close()
	if text := readAll(t, metrics.Body); !strings.Contains(text, `narrative_notifications{channel="email",state="undelivered"} 1`) {
		t.Errorf("metrics:\n%s", text)
	}
	for _, test := range []struct{ channel, to, says string }{
		{"email", "team@example.com", "there is no such user here"}, {"slack", "#incidents", "is_archived"}, {"slack", "#nowhere", "channel_not_found"},
	} {
		if out, code := p.run("notify", "test", test.channel, test.to); code != 1 || !strings.Contains(out, test.says) {
			t.Errorf("test of %s to %s: exit %d\n%s", test.channel, test.to, code, out)
		}
	}
	mails.Refuse("team@example.com", smtpfake.Reply{})
	if out, code := p.run("notification", "retry", "--all"); code != 0 {
		t.Errorf("retry: exit %d\n%s", code, out)
	}
	await(t, 30*time.Second, "the team is told after all", func() error {
		if got := of(mails, "team@example.com", "opened"); len(got) != 1 {
			return fmt.Errorf("%+v", got)
		}
		return nil
	})
	if out, code := p.run("notify", "test", "email"); code != 0 || !strings.Contains(out, "told ops@example.com by email: <") {
		t.Errorf("test of email: exit %d\n%s", code, out)
	}
}

// TestManyBecomeADigest has six assertions fail at about the same time: the first few are told one by one, the rest in
// one message that names them all, and so are their recoveries.
func TestManyBecomeADigest(t *testing.T) {
	t.Parallel()
	manifest := "config:\n  digest: {more_than: 2, within: 4s}\nassertions:\n"
	for n := 1; n <= 6; n++ {
		manifest += fmt.Sprintf("  - {name: check-%d, class: sql, every: 1s, timeout: 10s, notify: [{email: [team@example.com]}],\n"+
			"     args: {dsn: \"sqlite:shop.db\", violations: SELECT id FROM invoices WHERE off AND id = %d}}\n", n, n)
	}
	mails := smtpfake.New(t, smtpfake.Options{})
	dir := ledger(t, manifest, 6)
	p := start(t, narrativeBinary, dir, settings{"NARRATIVE_SMTP_URL": mails.URL()}, devFlags()...)
	gathered := func(kind string) func() error {
		return func() error {
			named := map[string]int{}
			got := of(mails, "team@example.com", kind)
			for _, m := range got {
				for _, id := range m.Header["X-Narrative-Issue"] {
					named[id]++
				}
			}
			if len(named) != 6 || len(got) < 3 || len(got) > 4 { // a check that came too late for the digest goes by itself
				return fmt.Errorf("%d messages name %v", len(got), named)
			}
			return nil
		}
	}
	await(t, 40*time.Second, "each opening is told once", gathered("opened"))
	execute(t, filepath.Join(dir, "shop.db"), "UPDATE invoices SET off = FALSE")
	await(t, 40*time.Second, "each recovery is told once", gathered("resolved"))
	if left := p.ledger("&state=undelivered"); len(left) > 0 {
		t.Errorf("undelivered: %+v", left)
	}
}
