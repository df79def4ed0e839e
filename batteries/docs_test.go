// Package batteries_test holds the pages in docs/batteries to the batteries there are.
package batteries_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/batteries/datums"
	"github.com/narrative-go/narrative/batteries/heartbeat"
	httpbattery "github.com/narrative-go/narrative/batteries/http"
	"github.com/narrative-go/narrative/batteries/sql"
	"github.com/narrative-go/narrative/config"
	"github.com/narrative-go/narrative/diagnosis"
	"github.com/narrative-go/narrative/executor"
	"github.com/narrative-go/narrative/persistence"
)

// pages are the arguments that each page describes.
var pages = map[string][]any{
	"datums":    {datums.Args{}},
	"heartbeat": {heartbeat.Args{}},
	"http":      {httpbattery.Args{}},
	"sql":       {sql.Args{}, sql.EventArgs{}},
}

func registry() *narrative.Registry {
	reg := narrative.NewRegistry()
	datums.Register(reg)
	heartbeat.Register(reg)
	httpbattery.Register(reg)
	sql.Register(reg)
	return reg
}

func read(t *testing.T, name string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "docs", "batteries", name+".md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// examples are the metas of a page's YAML, as validate and apply read it.
func examples(t *testing.T, page string) (m narrative.Manifest) {
	t.Helper()
	reg := registry()
	validating, err := executor.ForValidation(reg)
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(page, "```yaml\n")[1:]
	if len(blocks) == 0 {
		t.Fatal("there is no example")
	}
	shop, err := filepath.Abs(filepath.Join("..", "examples", "shop"))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range blocks {
		text, _, _ := strings.Cut(block, "```")
		one, err := config.Parse([]byte(text), config.Options{
			Dir: shop, Validator: narrative.Validator{Registry: reg, Executor: validating, CompileCase: diagnosis.Compile},
		})
		if err != nil {
			t.Fatal(err)
		}
		m.Assertions, m.Events = append(m.Assertions, one.Assertions...), append(m.Events, one.Events...)
	}
	return m
}

func TestEveryClassHasAPageWithAValidExample(t *testing.T) {
	t.Parallel()
	reg := registry()
	index := read(t, "README")
	for _, kind := range []narrative.MetaKind{narrative.AssertionKind, narrative.EventKind} {
		for _, class := range reg.Classes(kind) {
			if !strings.Contains(index, "[`"+class+"`]("+class+".md)") {
				t.Errorf("the index has no %s", class)
			}
			m := examples(t, read(t, class))
			found := false
			for _, a := range m.Assertions {
				found = found || kind == narrative.AssertionKind && a.Class == class
			}
			for _, e := range m.Events {
				found = found || kind == narrative.EventKind && e.Class == class
			}
			if !found {
				t.Errorf("%s has no example as an %s", class, kind)
			}
		}
	}
}

func TestEveryArgumentIsDescribed(t *testing.T) {
	t.Parallel()
	for name, all := range pages {
		page := read(t, name)
		for _, args := range all {
			for _, field := range reflect.VisibleFields(reflect.TypeOf(args)) {
				argument, _, _ := strings.Cut(field.Tag.Get("json"), ",")
				if !strings.Contains(page, "| `"+argument+"` |") {
					t.Errorf("%s.md does not describe %s", name, argument)
				}
			}
		}
	}
}

// TestTheExamplesDoWhatTheirPagesSay runs them: those over datums on a store where one order came, those of sql on the
// example's database, the one of http whose target needs no certificate on a target of the test's own.
func TestTheExamplesDoWhatTheirPagesSay(t *testing.T) {
	t.Parallel()
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"queue":{"depth":120},"workers":[{"alive":true}]}`)
	}))
	t.Cleanup(target.Close)
	ctx := narrative.WithSurroundings(context.Background(), narrative.Surroundings{Datums: store(t)})
	said := map[string]string{}
	for name := range pages {
		m := examples(t, strings.ReplaceAll(read(t, name), "http://127.0.0.1:8080", target.URL))
		for _, a := range m.Assertions {
			if a.Name != "shop-answers" && a.Name != "invoices-balance" {
				said[name+"/"+a.Name] = verdict(ctx, t, a)
			}
		}
		for _, e := range m.Events {
			said[name+"/"+e.Name] = occurrence(ctx, t, e)
		}
	}
	for name, want := range map[string]string{
		"http/queue-is-short":           "body.queue.depth < 100 and all(body.workers, .alive) does not hold",
		"heartbeat/nightly-backup-runs": "nightly-backup has been silent for 1d3h; a beat is expected every 1d, give or take 2h",
		"datums/orders-arrive":          "1 datum of shop named order in 1h",
		"datums/the-shop-has-no-errors": "0 datums of shop at error or above in 5m",
		"datums/refund-spike":           "21 refunds in 10m",
		"sql/orders-arrive":             "the query answers true",
		"sql/large-invoice":             "It comes to 184.",
	} {
		if !strings.HasSuffix(said[name], want) {
			t.Errorf("%s says %q, want %q", name, said[name], want)
		}
	}
}

func verdict(ctx context.Context, t *testing.T, a narrative.AssertionMeta) string {
	t.Helper()
	made, err := registry().Assertion(a.Class, a.Args)
	if err != nil {
		t.Fatal(err)
	}
	v, err := made.(narrative.Assertion).Check(ctx)
	if err != nil {
		t.Fatalf("%s: %v", a.Name, err)
	}
	return v.Summary
}

// occurrence is the text of the mail that answers the only one there is, or nothing.
func occurrence(ctx context.Context, t *testing.T, e narrative.EventMeta) string {
	t.Helper()
	event, err := registry().Event(e.Class, e.Args)
	if err != nil {
		t.Fatal(err)
	}
	found, err := event.Detect(ctx)
	if err != nil {
		t.Fatalf("%s: %v", e.Name, err)
	}
	if len(found) != 1 {
		return ""
	}
	data, err := narrative.OccurrenceData(found[0])
	if err != nil {
		t.Fatal(err)
	}
	plan, err := narrative.FillPlan(e.Respond, data, nil)
	if err != nil {
		t.Fatal(err)
	}
	var mail struct{ To, Subject, Text string }
	if err := narrative.DecodeArgs(plan[0].Args, &mail); err != nil {
		t.Fatal(err)
	}
	return mail.Text
}

func store(t *testing.T) narrative.Store {
	t.Helper()
	url := "sqlite:" + filepath.Join(t.TempDir(), "narrative.db")
	if _, _, err := persistence.Migrate(context.Background(), url); err != nil {
		t.Fatal(err)
	}
	s, err := persistence.Open(context.Background(), url, persistence.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	now := time.Now()
	all := []narrative.Datum{
		{Origin: "shop", Name: "order", At: now.Add(-time.Minute)},
		{Origin: narrative.HeartbeatOrigin, Name: "nightly-backup", At: now.Add(-27*time.Hour - 30*time.Second)},
	}
	for range 21 {
		all = append(all, narrative.Datum{Origin: "payments", Name: "refund", At: now.Add(-time.Minute)})
	}
	if _, err := s.AddDatums(context.Background(), all); err != nil {
		t.Fatal(err)
	}
	return s
}
