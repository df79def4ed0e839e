package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
)

func TestMistakesAreReportedWhereTheyStand(t *testing.T) {
	t.Parallel()
	const meta = "assertions:\n  - name: a\n    class: plain\n    every: 5m\n"
	const plan = meta + "    diagnostics:\n      - case: c\n        plan: [{email: {to: x}}]\n"
	tests := map[string]struct{ text, want string }{
		"a syntax error": {"config: [1, 2\n", `narrative.yaml:1:9: this is not YAML: sequence end token ']' not found
  1 | config: [1, 2
    |         ^`},
		"a tab": {"config:\n\tadmins: {}\n", "narrative.yaml:2:1: this is not YAML: a tab indents this line; indent with spaces\n" +
			"  2 | \tadmins: {}\n    | ^"},
		"a second document": {"config: {}\n---\nconfig: {}\n", `narrative.yaml:3:1: a second document begins here; write one document a file
  3 | config: {}
    | ^`},
		"a list for the whole": {"- a\n", `narrative.yaml:1:1: the file should be an object with keys such as config and assertions; it is a list
  1 | - a
    | ^`},
		"an unknown key at the top": {"assertion: []\n", `narrative.yaml:1:1: "assertion" is not a known key; did you mean "assertions"? (known: source, config, assertions, events)
  1 | assertion: []
    | ^`},
		"a key of a later version": {"config:\n  admins: {pager: \"#ops\"}\n", `narrative.yaml:2:12: "pager" is not a known key (known: email, slack, webhook)
  2 |   admins: {pager: "#ops"}
    |            ^`},
		"a channel that cannot be one": {"config:\n  admins: {slack: ops}\n", `narrative.yaml:2:19: slack: "ops" is not a Slack channel; did you mean "#ops"?
  2 |   admins: {slack: ops}
    |                   ^`},
		"an operator without an account": {"config:\n  operators: [{name: ann, slack: ann}]\n", `narrative.yaml:2:34: slack: must be the id of a Slack account, such as U0123ABCD (in Slack: profile, Copy member ID); not "ann"
  2 |   operators: [{name: ann, slack: ann}]
    |                                  ^`},
		"a route that leads nowhere": {meta + "    notify:\n      - severity: [critical]\n", `narrative.yaml:6:9: notify[0]: names nobody; give email: [address], slack: "#channel" or webhook: [URL]
  6 |       - severity: [critical]
    |         ^`},
		"a route for no severity": {meta + "    notify:\n      - {slack: \"#ops\", severity: [loud]}\n", `narrative.yaml:6:36: severity[0]: must be info, warning, error or critical; not "loud"
  6 |       - {slack: "#ops", severity: [loud]}
    |                                    ^`},
		"a webhook that is no URL": {meta + "    notify:\n      - webhook: [pager.example.com]\n", `narrative.yaml:6:19: webhook[0]: must be an http:// or https:// URL with a host
  6 |       - webhook: [pager.example.com]
    |                   ^`},
		"a digest of none": {"config:\n  digest: {more_than: 0}\n", `narrative.yaml:2:23: more_than: 0 is not a whole number of at least 1
  2 |   digest: {more_than: 0}
    |                       ^`},
		"an unknown mode of actions": {"config:\n  actions: of\n", `narrative.yaml:2:12: actions: must be run, approve or off; not "of"; did you mean "off"?
  2 |   actions: of
    |            ^`},
		"true for actions": {"config:\n  actions: true\n", `narrative.yaml:2:12: actions: true is not run, approve or off
  2 |   actions: true
    |            ^`},
		"a number among durations": {meta + "    renotify: [1h, 60]\n", `narrative.yaml:5:20: renotify[1]: 60 is not a duration such as 90s, 5m, 1h or 30d
  5 |     renotify: [1h, 60]
    |                    ^`},
		"an unknown exception": {"config:\n  escalate:\n    - after: 1h\n      notify: {email: [a@example.com]}\n      unless: snoozed\n", `narrative.yaml:5:15: unless: must be acknowledged; not "snoozed"
  5 |       unless: snoozed
    |               ^`},
		"an escalation to nobody": {"config:\n  escalate:\n    - after: 1h\n", `narrative.yaml:3:7: notify is missing
  3 |     - after: 1h
    |       ^`},
		"an escalation to no address": {"config:\n  escalate:\n    - after: 1h\n      notify: {email: [boss]}\n", `narrative.yaml:4:24: email[0]: "boss" is not a mail address
  4 |       notify: {email: [boss]}
    |                        ^`},
		"escalations out of order": {"config:\n  escalate:\n    - {after: 2h, notify: {email: [a@example.com]}}\n    - {after: 1h, notify: {email: [b@example.com]}}\n", `narrative.yaml:4:15: after: must not be before the entry above it (2h); not 1h
  4 |     - {after: 1h, notify: {email: [b@example.com]}}
    |               ^`},
		"too many plans": {meta + "    max_plans: 10001\n", `narrative.yaml:5:16: max_plans: must be from 1 to 10000; not 10001
  5 |     max_plans: 10001
    |                ^`},
		"an unknown approval": {plan + "        approval: always\n", `narrative.yaml:8:19: approval: must be none or required; not "always"
  8 |         approval: always
    |                   ^`},
		"a moment to verify": {plan + "        verify_after: 1ms\n", `narrative.yaml:8:23: verify_after: must be at least 1s
  8 |         verify_after: 1ms
    |                       ^`},
		"a longer rollback than the plan": {plan + "        rollback: [null, {email: {to: y}}]\n", `narrative.yaml:8:9: rollback: has more entries (2) than its plan has actions (1); entry i undoes action i
  8 |         rollback: [null, {email: {to: y}}]
    |         ^`},
		"an unknown action in a rollback": {plan + "        rollback:\n          - emial: {to: y}\n", `narrative.yaml:9:13: rollback[0]: there is no action emial
  9 |           - emial: {to: y}
    |             ^`},
		"an unknown argument in a rollback": {plan + "        rollback:\n          - email: {ot: y}\n", `narrative.yaml:9:21: ot: is not a known field; did you mean "To"? (known: To, Subject)
  9 |           - email: {ot: y}
    |                     ^`},
		"a template in a rollback": {plan + "        rollback:\n          - email: {to: \"{{.Isue.ID}}\"}\n", `narrative.yaml:9:25: to: there is no .Isue here; a template sees .Issue, .Record, .Verdict; did you mean "Issue"?
  9 |           - email: {to: "{{.Isue.ID}}"}
    |                         ^`},
		"a word in a rollback": {plan + "        rollback: [undo]\n", `narrative.yaml:8:20: rollback[0]: "undo" is not an action with its arguments, such as {email: {to: …, subject: …}}
  8 |         rollback: [undo]
    |                    ^`},
		"supervision without a plan": {
			meta + "    diagnostics:\n      - {case: c, pass: true, approval: required, verify_after: 1m, approval_timeout: 1h}\n",
			`narrative.yaml:6:31: approval: only goes with plan
  6 |       - {case: c, pass: true, approval: required, verify_after: 1m, approval_timeout: 1h}
    |                               ^
narrative.yaml:6:51: verify_after: only goes with plan
  6 |       - {case: c, pass: true, approval: required, verify_after: 1m, approval_timeout: 1h}
    |                                                   ^
narrative.yaml:6:69: approval_timeout: only goes with plan
  6 |       - {case: c, pass: true, approval: required, verify_after: 1m, approval_timeout: 1h}
    |                                                                     ^`,
		},
		"a rollback without a plan": {meta + "    diagnostics:\n      - case: c\n        pass: true\n        rollback: [{email: {to: y}}]\n", `narrative.yaml:8:9: rollback: only goes with plan
  8 |         rollback: [{email: {to: y}}]
    |         ^`},
		"a duplicate key": {meta + "    every: 6m\n", `narrative.yaml:5:5: the key "every" stands twice; the first is on line 4
  5 |     every: 6m
    |     ^`},
		"a number for a duration": {strings.Replace(meta, "5m", "5", 1), `narrative.yaml:4:12: every: 5 is not a duration such as 90s, 5m, 1h or 30d
  4 |     every: 5
    |            ^`},
		"too short an interval": {strings.Replace(meta, "5m", "10ms", 1), `narrative.yaml:4:12: every: must be whole seconds and at least 1s; not 10ms
  4 |     every: 10ms
    |            ^`},
		"a missing key": {"assertions:\n  - class: plain\n    every: 5m\n", `narrative.yaml:2:5: name is missing
  2 |   - class: plain
    |     ^`},
		"an unknown argument deep below": {
			"assertions:\n  - name: a\n    class: sql\n    every: 5m\n    args: {dsn: x, record: {tpye: i}}\n",
			`narrative.yaml:5:29: tpye: is not a known field; did you mean "type"? (known: type, id)
  5 |     args: {dsn: x, record: {tpye: i}}
    |                             ^`,
		},
		"an argument that is missing": {"assertions:\n  - name: a\n    class: sql\n    every: 5m\n    args: {}\n", `narrative.yaml:5:5: dsn: is missing
  5 |     args: {}
    |     ^`},
		"an unknown argument of an action": {
			meta + "    diagnostics:\n      - case: c\n        plan:\n          - email: {to: x, sbject: y}\n            timeout: 30s\n",
			`narrative.yaml:8:28: sbject: is not a known field; did you mean "Subject"? (known: To, Subject)
  8 |           - email: {to: x, sbject: y}
    |                            ^`,
		},
		"a key beside an action": {
			meta + "    diagnostics:\n      - case: c\n        plan:\n          - email: {to: x}\n            tiemout: 30s\n",
			`narrative.yaml:8:13: the entry names more than one action: "email" and "tiemout"; begin each with a dash (beside an action only timeout and retry may stand; did you mean "timeout"?)
  8 |           - email: {to: x}
    |             ^`,
		},
		"an expression": {
			meta + "    diagnostics:\n      - case: c\n        when: issue.rounds = 0\n        pass: true\n",
			`narrative.yaml:7:15: when: one = does not compare
  7 |         when: issue.rounds = 0
    |               ^`,
		},
		"neither plan nor pass": {meta + "    diagnostics:\n      - case: c\n", `narrative.yaml:6:9: plan: give exactly one of plan and pass: true
  6 |       - case: c
    |         ^`},
		"a NUL":             {"source: \"a\\0b\"\n", "narrative.yaml:1:9: the string contains the character \\u0000, which cannot be stored\n  1 | source: \"a\\0b\"\n    |         ^"},
		"an unknown anchor": {"config: *base\n", "narrative.yaml:1:9: no anchor &base stands above\n  1 | config: *base\n    |         ^"},
		"lines that end in carriage returns": {"config:\r  actions: of\r", `narrative.yaml:2:12: actions: must be run, approve or off; not "of"; did you mean "off"?
  2 |   actions: of
    |            ^`},
		"bytes that are no text": {"config: {}\nsource: \xff\n", "narrative.yaml:2:9: the file is not valid UTF-8 here\n" +
			"  2 | source: \ufffd\n    |         ^"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parseFor(t, tt.text)
			if err == nil {
				t.Fatal("no mistake was found")
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if narrative.KindOf(err) != narrative.Invalid {
				t.Errorf("kind %q", narrative.KindOf(err))
			}
		})
	}
}

func TestAllMistakesComeAtOnceInOrder(t *testing.T) {
	t.Parallel()
	_, err := parseFor(t, `config: {admin: x, admins: {email: [nobody]}}
assertions:
  - name: a
    class: sqll
    evry: 5m
  - name: a
    class: plain
    every: 5m
    fail_after: 0
events: {}
`)
	var m *Mistakes
	if !errors.As(err, &m) {
		t.Fatalf("got %T", err)
	}
	var got []string
	for _, one := range m.List {
		got = append(got, one.Path)
	}
	want := []string{"config.admin", "config.admins.email[0]", "assertions[0].class", "assertions[0].evry", "assertions[1].name", "assertions[1].fail_after", "events"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s\n%v", diff, err)
	}
	var p narrative.Problems
	if !errors.As(err, &p) || len(p) != len(m.List) {
		t.Errorf("as problems: %v", p)
	}
}

func TestMistakesBeyondTheFirstHundredAreCounted(t *testing.T) {
	t.Parallel()
	_, err := parseFor(t, "assertions:\n"+strings.Repeat("  - 5\n", 130))
	if err == nil || !strings.HasSuffix(err.Error(), "and 30 more") {
		t.Errorf("got %.200v", err)
	}
}

func TestReadingIsBounded(t *testing.T) {
	t.Parallel()
	laughs := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 12; i++ {
		n, m := string(rune('a'+i)), string(rune('a'+i-1))
		if i == 1 {
			m = "a0"
		}
		laughs += n + ": &" + n + " [" + strings.Repeat("*"+m+", ", 9) + "*" + m + "]\n"
	}
	for name, tt := range map[string]struct{ text, want string }{
		"size":      {strings.Repeat("#", MaxSize+1), "larger than"},
		"aliases":   {laughs, "16 MiB with its aliases"},
		"brackets":  {strings.Repeat("[", 1<<14), "deeper than 64"},
		"dashes":    {strings.Repeat("- ", 1<<14), "deeper than 64"},
		"braces":    {strings.Repeat("{a: ", 1<<14), "deeper than 64"},
		"questions": {strings.Repeat("? ", 1<<14), "deeper than 64"},
		"keys":      {strings.Repeat("a: 1\n", 1<<13), "more than 1000 keys"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parseFor(t, tt.text)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %.300v", err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "config: {admins: {email: [a@example.com]}}", "assertions: [{name: a, class: plain, every: 5m}]",
		"a: &x [1]\nb: *x\n<<: *x\n", "%YAML 1.2\n---\n? a\n: |\n  b\n...\n", "{\"a\": [1, 2.5, null, true, \"\\u0000\"]}",
		"config: {actions: off, renotify: [1h], escalate: [{after: 1h, notify: {email: [a@example.com]}, unless: x}]}",
		"assertions: [{name: a, diagnostics: [{case: c, plan: [{email: {}}], rollback: [~, {action: \"\"}, {email: {}}], approval: required}]}]",
		"assertions:\n  - name: a\n    diagnostics: [{case: c, plan: [{action: email, args: {to: x}}, {email: {}}]}]\n", "!!str 5", "\t- \xff",
	} {
		f.Add(seed)
	}
	v := validator()
	f.Fuzz(func(t *testing.T, text string) {
		_, err := Parse([]byte(text), Options{Validator: v, Dir: "/d"})
		var m *Mistakes
		if err != nil && (!errors.As(err, &m) || len(m.List) == 0 || err.Error() == "") {
			t.Errorf("got %v", err)
		}
	})
}
