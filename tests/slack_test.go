package tests

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/narrative-go/narrative/executor/slack/slackfake"
)

// repairable is an assertion with a case that proposes a plan; more may follow.
const repairable = `
config:
  admins: {slack: "#ops"}
  operators: [{name: ann, slack: U0ANN0001}]
assertions:
  - name: healthy
    class: test.FileExists
    every: 1s
    timeout: 10s
    args: {path: DIR/healthy}
    diagnostics:
      - case: repair
        reason: it can be repaired
        plan: [{append: {path: DIR/healthy, line: repaired}}]
`

// choosing is one whose two cases both propose a plan.
const choosing = repairable + `
      - case: rebuild
        reason: it can be rebuilt
        plan: [{append: {path: DIR/healthy, line: rebuilt}}]
`

func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// bot is a process with a bot in a fake Slack.
func bot(t *testing.T, manifest string) (*process, *slackfake.Server, string) {
	t.Helper()
	slack := slackfake.New(t)
	slack.AddChannel("ops")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "narrative.yaml"), strings.ReplaceAll(manifest, "DIR", dir))
	return start(t, programBinary, dir, settings{
		"NARRATIVE_SLACK_BOT_TOKEN": slackfake.Token, "NARRATIVE_SLACK_SIGNING_SECRET": slackfake.SigningSecret, "SLACK_API_URL": slack.URL(),
	}, devFlags()...), slack, dir
}

// card waits until the channel's one message says all of the parts.
func card(t *testing.T, slack *slackfake.Server, parts ...string) (found slackfake.Message) {
	t.Helper()
	await(t, 40*time.Second, fmt.Sprintf("the one message says %q", parts), func() error {
		all := slack.Messages("ops")
		if len(all) != 1 {
			return fmt.Errorf("%d messages: %+v", len(all), all)
		}
		for _, part := range parts {
			if !strings.Contains(all[0].Said(), part) {
				return fmt.Errorf("%q is not in %s", part, all[0].Said())
			}
		}
		found = all[0]
		return nil
	})
	return found
}

// TestSlack leads an issue through Slack: one message, edited as it moves; a stranger's press is refused, an operator's
// choice carried out; the thread tells the story.
func TestSlack(t *testing.T) {
	t.Parallel()
	p, slack, _ := bot(t, choosing)
	to := p.url + "/slack/interactions"
	message := card(t, slack, "impasse", "repair", "rebuild")
	if got := message.Buttons(); len(got) < 5 {
		t.Errorf("buttons %q", got)
	}
	if heard, err := slack.Press(to, "U0EVE0001", message, "Carry out", 0); err != nil || heard.Status != http.StatusOK {
		t.Fatalf("heard %+v, %v", heard, err)
	}
	await(t, 20*time.Second, "the stranger is refused", func() error {
		for _, e := range slack.Ephemerals() {
			if e.User == "U0EVE0001" && strings.Contains(e.Text, "operators") {
				return nil
			}
		}
		return fmt.Errorf("%+v", slack.Ephemerals())
	})
	if i := p.issues("")[0]; i.Status != "impasse" {
		t.Errorf("a stranger's press did something: %+v", i)
	}
	if heard, err := slack.Press(to, "U0ANN0001", message, "Carry out", 0); err != nil || heard.Status != http.StatusOK {
		t.Fatalf("heard %+v, %v", heard, err)
	}
	await(t, 30*time.Second, "the plan is carried out and helps", func() error { return p.oneIssue("resolved") })
	message = card(t, slack, "resolved")
	if got := message.Buttons(); len(got) != 0 {
		t.Errorf("a closed issue has buttons %q", got)
	}
	var story string
	await(t, 30*time.Second, "the thread tells the story", func() error {
		story = ""
		for _, m := range slack.Thread("ops", message.TS) {
			story += m.Said() + "\n"
		}
		for _, part := range []string{"ann", "Resolved"} {
			if !strings.Contains(story, part) {
				return fmt.Errorf("%q is not in the thread:\n%s", part, story)
			}
		}
		return nil
	})
	if len(slack.Ephemerals()) != 1 {
		t.Errorf("only a refusal is shown to who pressed: %+v", slack.Ephemerals())
	}
}

// TestSlackForms acknowledges an issue by a form, and closes it as won't fix by another that asks for the reason.
func TestSlackForms(t *testing.T) {
	t.Parallel()
	p, slack, _ := bot(t, choosing)
	message := card(t, slack, "impasse")
	p.fillIn(slack, message, "Acknowledge", map[string]string{"reason": "on it"})
	message = card(t, slack, "cknowledged", "ann", "on it")
	p.fillIn(slack, message, "Won't fix", map[string]string{"reason": "known and harmless"})
	await(t, 30*time.Second, "the issue is closed", func() error { return p.oneIssue("wont_fix") })
	card(t, slack, "wont_fix")
	said := p.told()
	for _, part := range []string{"{ann acknowledged: on it}", "known and harmless"} {
		if !strings.Contains(said, part) {
			t.Errorf("%q is not on the timeline: %s", part, said)
		}
	}
}

// approving is one whose plan waits for a person.
const approving = repairable + "        approval: required\n"

// TestSlackApproval has one plan approved where it is shown, and another rejected.
func TestSlackApproval(t *testing.T) {
	t.Parallel()
	t.Run("approved", func(t *testing.T) {
		t.Parallel()
		p, slack, dir := bot(t, approving)
		message := card(t, slack, "awaiting approval")
		if _, err := os.Stat(filepath.Join(dir, "healthy")); err == nil {
			t.Error("the plan was carried out before anybody approved of it")
		}
		if heard, err := slack.Press(p.url+"/slack/interactions", "U0ANN0001", message, "Approve", 0); err != nil || heard.Status != http.StatusOK {
			t.Fatalf("heard %+v, %v", heard, err)
		}
		await(t, 30*time.Second, "the plan is carried out and helps", func() error { return p.oneIssue("resolved") })
		card(t, slack, "resolved")
		if story := p.told(); !strings.Contains(story, "{ann approved") {
			t.Errorf("the timeline does not say that ann approved: %s", story)
		}
	})
	t.Run("rejected", func(t *testing.T) {
		t.Parallel()
		p, slack, dir := bot(t, approving)
		p.fillIn(slack, card(t, slack, "awaiting approval"), "Reject", map[string]string{"reason": "not on a Friday"})
		await(t, 30*time.Second, "the plan is rejected", func() error {
			if story := p.told(); !strings.Contains(story, "{ann rejected") || !strings.Contains(story, "not on a Friday") {
				return fmt.Errorf("the timeline says %s", story)
			}
			return nil
		})
		if message := card(t, slack, "impasse"); slices.Contains(message.Buttons(), "Approve") {
			t.Errorf("what was rejected can still be approved: %q", message.Buttons())
		}
		if _, err := os.Stat(filepath.Join(dir, "healthy")); err == nil {
			t.Error("a plan that was rejected was carried out")
		}
	})
}

// told is what the timeline of the one issue says, and who did it.
func (p *process) told() string {
	p.t.Helper()
	var story struct{ Entries []struct{ By, Text string } }
	p.get("/api/v1/issues/"+p.issues("")[0].ID+"/explain?format=json", &story)
	return fmt.Sprint(story.Entries)
}

// fillIn presses a button that opens a form, and sends that as ann.
func (p *process) fillIn(slack *slackfake.Server, message slackfake.Message, button string, values map[string]string) {
	p.t.Helper()
	to, before := p.url+"/slack/interactions", len(slack.Views())
	if _, err := slack.Press(to, "U0ANN0001", message, button, 0); err != nil {
		p.t.Fatal(err)
	}
	await(p.t, 20*time.Second, "the form opens", func() error {
		if len(slack.Views()) == before {
			return fmt.Errorf("%+v", slack.Ephemerals())
		}
		return nil
	})
	views := slack.Views()
	if heard, err := slack.Submit(to, "U0ANN0001", views[len(views)-1], values); err != nil || heard.Status != http.StatusOK {
		p.t.Fatalf("heard %+v, %v", heard, err)
	}
}

// TestSlackStrangers sends what Slack did not.
func TestSlackStrangers(t *testing.T) {
	t.Parallel()
	p, _, _ := bot(t, strings.Replace(choosing, "DIR/healthy}\n    diag", "DIR/narrative.yaml}\n    diag", 1))
	request, err := http.NewRequest(http.MethodPost, p.url+"/slack/interactions", strings.NewReader("payload=%7B%7D"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, sign := range map[string]func(){
		"unsigned":       func() {},
		"another secret": func() { slackfake.Sign(request.Header, "guess", time.Now(), []byte("payload=%7B%7D")) },
		"six minutes old": func() {
			slackfake.Sign(request.Header, slackfake.SigningSecret, time.Now().Add(-6*time.Minute), []byte("payload=%7B%7D"))
		},
	} {
		sign()
		request.Body = io.NopCloser(strings.NewReader("payload=%7B%7D"))
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %s", name, answer.Status)
		}
	}
}
