package config_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/config"
	"github.com/narrative-go/narrative/diagnosis"
	"github.com/narrative-go/narrative/executor"
)

var schemaFile = filepath.Join("..", "docs", "narrative.schema.json")

func TestTheSchemaOfThePagesIsCurrent(t *testing.T) {
	t.Parallel()
	want, err := config.Schema(program(t))
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	got, err := os.ReadFile(schemaFile)
	if os.Getenv("UPDATE") != "" {
		err = os.WriteFile(schemaFile, want, 0o644)
		got = want
	}
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what narrative schema prints: UPDATE=1 go test ./config -run %s", schemaFile, t.Name())
	}
}

// withExamples adds the classes of the examples, which take anything.
func withExamples(t *testing.T) narrative.Validator {
	t.Helper()
	v := program(t)
	narrative.AddAssertion(v.Registry, "agentwatch.AgentRunning", func(map[string]any) (narrative.Assertion, error) { return nil, nil })
	narrative.AddEvent(v.Registry, "agentwatch.ProcessingFailed", func(map[string]any) (narrative.Event, error) { return nil, nil })
	narrative.AddAction(v.Registry, "restart", func(context.Context, struct {
		Host string `json:"host"`
	},
	) error {
		return nil
	})
	validating, err := executor.ForValidation(v.Registry)
	if err != nil {
		t.Fatal(err)
	}
	return narrative.Validator{Registry: v.Registry, Executor: validating, CompileCase: diagnosis.Compile}
}

// documents are every example and every block of YAML in the pages, by where they stand.
func documents(t testing.TB) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, pattern := range []string{"../README.md", "../docs/*.md", "../docs/batteries/*.md", "../examples/*/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if filepath.Ext(file) == ".yaml" {
				found[file] = string(text)
				continue
			}
			for n, block := range strings.Split(string(text), "```yaml\n")[1:] {
				block, _, _ = strings.Cut(block, "```")
				if strings.Contains(block, "assertions:") || strings.Contains(block, "config:") || strings.Contains(block, "events:") {
					found[file+" "+string(rune('1'+n))] = block
				}
			}
		}
	}
	if len(found) < 8 {
		t.Fatalf("only %d documents were found", len(found))
	}
	return found
}

func compiled(t *testing.T, v narrative.Validator) *jsonschema.Schema {
	t.Helper()
	text, err := config.Schema(v)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(config.SchemaID, document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(config.SchemaID)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func judge(t *testing.T, s *jsonschema.Schema, text string) error {
	t.Helper()
	asJSON, err := config.ToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(document)
}

func TestTheSchemaLetsValidFilesPass(t *testing.T) {
	t.Parallel()
	v := withExamples(t)
	s := compiled(t, v)
	all := documents(t)
	all["nothing"] = ""
	all["all keys"] = everyKey
	for name, text := range all {
		if _, err := config.Parse([]byte(text), config.Options{File: name, Dir: "/etc/narrative", Validator: v}); err != nil {
			t.Errorf("%s is not valid: %v", name, err)
		}
		if err := judge(t, s, text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheSchemaRefusesMistakes(t *testing.T) {
	t.Parallel()
	v := withExamples(t)
	s := compiled(t, v)
	const good = "assertions: [{name: a, class: http, every: 5m, args: {url: 'https://x.example'}}]"
	if err := judge(t, s, good); err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"unknown key":           strings.Replace(good, "every", "evry", 1),
		"bad duration":          strings.Replace(good, "5m", "5 minutes", 1),
		"number for a duration": strings.Replace(good, "5m", "5", 1),
		"unknown class":         strings.Replace(good, "http", "htp", 1),
		"unknown argument":      strings.Replace(good, "url", "uri", 1),
		"argument of a type":    strings.Replace(good, "'https://x.example'", "[1]", 1),
		"no name":               strings.Replace(good, "name: a, ", "", 1),
		"bad name":              strings.Replace(good, "name: a", "name: A B", 1),
		"both schedules":        strings.Replace(good, "every: 5m", "every: 5m, cron: '* * * * *'", 1),
		"neither schedule":      strings.Replace(good, "every: 5m, ", "", 1),
		"severity":              strings.Replace(good, "every: 5m", "every: 5m, severity: bad", 1),
		"case without plan":     strings.Replace(good, "every: 5m", "every: 5m, diagnostics: [{case: c}]", 1),
		"unknown action":        strings.Replace(good, "every: 5m", "every: 5m, diagnostics: [{case: c, plan: [{emial: {to: a}}]}]", 1),
		"two actions":           strings.Replace(good, "every: 5m", "every: 5m, diagnostics: [{case: c, plan: [{email: {to: a}, slack: {}}]}]", 1),
		"action's arguments":    strings.Replace(good, "every: 5m", "every: 5m, diagnostics: [{case: c, plan: [{action: email, args: {too: a}}]}]", 1),
		"event of an assertion": "events: [{name: a, class: http, every: 5m}]",
		"a list":                "[]",
		"config":                "config: {actions: maybe}",
	} {
		if _, err := config.Parse([]byte(text), config.Options{Validator: v}); err == nil {
			t.Errorf("%s: is no mistake", what)
		}
		if err := judge(t, s, text); err == nil {
			t.Errorf("%s: the schema lets it pass", what)
		}
	}
}

// everyKey has every key there is.
const everyKey = `
source: all
config:
  minimum_datum_log_level: WARN
  default_datum_ttl: 0s
  heartbeat_min_interval: 30m
  actions: approve
  renotify: [1h, 1d12h]
  escalate: [{after: 1h, notify: {email: [boss@example.com], slack: "#ops", webhook: ["https://x.example/h"]}, unless: acknowledged}]
  admins: {email: [ops@example.com], slack: "#ops", webhook: ["${env:HOOK}"]}
  operators: [{name: Änn, slack: U0123ABCD}]
  digest: {more_than: 2, within: 30s}
  webhooks: {private_addresses: forbid}
assertions:
  - name: "0x10"
    display_name: "yes: # no"
    class: http
    args:
      url: https://x.example
      headers: {X-B: "1", X-A: "~", "y": "on"}
      body: {"n": 9007199254740993, "e": 1e3, "f": -0.50, "null": null, "list": [[], {}, "", " lead\n trail \n\n", "a\nb", "a\nb\n", "\ttab", "\u2028\u007f\U0001F600"]}
    cron: "*/5 * * * *"
    timezone: Europe/Paris
    enabled: false
    severity: critical
    timeout: 1500ms
    queue: other
    trigger: schedule
    notify: [{email: [a@example.com], severity: [error, critical]}, {slack: "#x"}]
    fail_after: 2
    resolve_after: 3
    error_after: 4
    max_attempts: 5
    max_plans: 6
    max_issues: 7
    renotify: [2h]
    escalate: [{after: 2h, notify: {slack: "#ops"}}]
    diagnostics:
      - case: repair
        when: |
          issue.rounds == 0 and
            true
        reason: "- why"
        plan:
          - webhook: {url: "https://x.example/{{.Issue.ID}}"}
            timeout: 30s
            retry: {attempts: 5, backoff: 2s}
          - restart: {host: "null"}
          - {action: email, args: {to: a@example.com, text: "${file:/etc/x}"}, retry: {attempts: 1}}
        rollback: [null, {restart: }]
        approval: none
        approval_timeout: 1h
        verify_after: 2m
      - {case: wait, pass: true}
events:
  - name: spike
    class: datums
    every: 1m
    args: {window: 10m, at_least: 20}
    ttl: 6h
    respond: [{slack: {channel: "#x", text: "{{.Details.count}}"}}]
`

func TestWhatIsWrittenIsReadAsItWas(t *testing.T) {
	t.Parallel()
	v := withExamples(t)
	all := documents(t)
	all["all keys"] = everyKey
	for name, text := range all {
		want, err := config.Parse([]byte(text), config.Options{File: name, Dir: "/srv/shop", Validator: v})
		if err != nil {
			t.Fatal(err)
		}
		written, err := config.Write(want)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := config.Parse(written, config.Options{File: name, Source: "other", Dir: "/elsewhere", Validator: v})
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, written)
			continue
		}
		if a, b := canonical(t, want), canonical(t, got); a != b {
			t.Errorf("%s:\nwant %s\ngot  %s\nwritten:\n%s", name, a, b, written)
		}
		again, err := config.Write(got)
		if err != nil || !bytes.Equal(again, written) {
			t.Errorf("%s is written otherwise the second time: %v\n%s\n%s", name, err, written, again)
		}
	}
}

func canonical(t testing.TB, m narrative.Manifest) string {
	t.Helper()
	encoded, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(encoded))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	encoded, _ = json.Marshal(v)
	return string(encoded)
}

func TestDefaultsAreNotWritten(t *testing.T) {
	t.Parallel()
	m, err := config.Parse([]byte(`
config: {actions: run, default_datum_ttl: 30d, admins: {email: [ops@example.com]}}
assertions:
  - {name: up, display_name: up, class: http, severity: error, enabled: true, fail_after: 1, max_plans: 10, every: 60s,
     args: {url: "https://x.example", contains: "a\nb\n"}, diagnostics: [{case: c, plan: [{webhook: {url: "https://x.example"}, timeout: 30s}]}]}
`), config.Options{File: "shop.yaml", Validator: program(t)})
	if err != nil {
		t.Fatal(err)
	}
	got, err := config.Write(m)
	if err != nil {
		t.Fatal(err)
	}
	const want = `source: shop.yaml
config:
  admins:
    email:
      - ops@example.com
assertions:
  - name: up
    class: http
    args:
      contains: |
        a
        b
      url: https://x.example
    every: 1m
    diagnostics:
      - case: c
        plan:
          - webhook:
              url: https://x.example
            timeout: 30s
`
	if string(got) != want {
		t.Errorf("written:\n%s\nwant:\n%s", got, want)
	}
}

// So that a key that is added is written by export, too.
func TestTheDocumentOfAllKeysHasAllOfThem(t *testing.T) {
	t.Parallel()
	text, err := config.Schema(program(t))
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Defs map[string]struct{ Properties map[string]any } `json:"$defs"`
	}
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	for name, def := range s.Defs {
		for key := range def.Properties {
			if !strings.HasPrefix(name, "action.") && !strings.Contains(everyKey, key+":") {
				t.Errorf("it has no %s of %s", key, name)
			}
		}
	}
}
