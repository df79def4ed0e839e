package httpapi_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/config"
	"github.com/narrative-go/narrative/httpapi"
)

func TestApplySeveralFiles(t *testing.T) {
	t.Parallel()
	w := setup(t)
	body := `{"files":[{"name":"etc/a.yaml","source":"a.yaml","dir":"/srv","text":"assertions: []"},{"text":"events: []"}]}`
	w.post(t, "/api/v1/apply?prune=true", body, "Content-Type", "application/json").
		is(t, 200, `{"created":["balance"],"changed":[],"unchanged":[],"pruned":[],"config":false}`)
	want := httpapi.Application{Prune: true, Files: []httpapi.File{
		{Name: "etc/a.yaml", Source: "a.yaml", Dir: "/srv", Text: "assertions: []"},
		{Name: "narrative.yaml", Text: "events: []"}, // nobody chose its source
	}}
	if diff := cmp.Diff(want, w.application); diff != "" {
		t.Errorf("application (-want +got):\n%s", diff)
	}
	w.post(t, "/api/v1/apply?source=one.json", `{"assertions":[]}`, "Content-Type", "application/json").
		is(t, 200, `{"created":["balance"],"changed":[],"unchanged":[],"pruned":[],"config":false}`)
	if got := w.application.Files[0]; got.Source != "one.json" || got.Text != `{"assertions":[]}` {
		t.Errorf("a document as JSON arrived as %+v", got)
	}
	w.post(t, "/api/v1/apply?prune=true", "assertions: []")
	if got := w.application.Files[0]; got.Name != "narrative.yaml" || got.Source != "" {
		t.Errorf("a document of which nobody chose the source arrived as %+v", got)
	}
	for body, says := range map[string]string{
		`{"files":[]}`:                      "from 1 to 1000 files",
		`{"files":{}}`:                      "must be a list",
		`{"files":[{"txt":"x"}]}`:           "txt",
		`{"files":[{"text":"x"}],"dir":""}`: "dir",
		`{"files":[{"source":"` + strings.Repeat("s", 256) + `"}]}`: "files[0].source",
		`{"files":[{"name":"a\u0000"}]}`:                            "files[0].name",
		`{"files":[{"text":"x","dir":"/srv"},{"dir":"srv"}]}`:       `"body.files[1].dir"`,
	} {
		w.post(t, "/api/v1/apply", body, "Content-Type", "application/json").refuses(t, 422, says)
	}
}

func TestRelativePathsAreAppliedAsSeenFromAFolder(t *testing.T) {
	t.Parallel()
	validator := judging(t)
	var applied narrative.Manifest
	w := setup(t, func(o *httpapi.Options) {
		o.Apply = func(_ context.Context, a httpapi.Application) (_ narrative.Applied, err error) {
			f := a.Files[0]
			applied, err = config.ParseFiles([]config.File{{Name: f.Name, Dir: f.Dir, Text: []byte(f.Text)}}, validator)
			return narrative.Applied{}, err
		}
	})
	const text = "assertions:\n  - name: a\n    class: sql\n    every: 5m\n    args: {limit: 3, dsn: \"sqlite:shop.db\"}\n"
	for _, path := range []string{"/api/v1/apply", "/api/v1/apply?dry_run=true"} {
		r := w.post(t, path, text, "Content-Type", "application/yaml")
		r.refuses(t, 422, "narrative.yaml:5:27", "dsn: holds a relative path")
	}
	for _, dir := range []string{"shop", ".", "-"} { // the working folder of this process is nobody's business
		w.post(t, "/api/v1/apply?dir="+dir, text, "Content-Type", "application/yaml").refuses(t, 400, "dir: must be an absolute path")
	}
	if r := w.post(t, "/api/v1/apply?dir=/srv/shop", text, "Content-Type", "application/yaml"); r.status != 200 {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	if got := string(applied.Assertions[0].Args); !strings.Contains(got, `"sqlite:/srv/shop/shop.db"`) {
		t.Errorf("the arguments are %s", got)
	}
}

func TestApplyDryRunAnswersTheDifferences(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.apply = func([]byte) (narrative.Applied, error) {
		return narrative.Applied{Changed: []string{"balance"}, Differences: []narrative.Difference{{
			Path: "assertions.balance", Change: narrative.ChangeChanged,
			Fields: []narrative.FieldDifference{{Path: "every", From: json.RawMessage(`"5m"`), To: json.RawMessage(`"1m"`)}},
		}}}, nil
	}
	w.post(t, "/api/v1/apply?dry_run=true", "assertions: []").is(t, 200, `{
		"created":[],"changed":["balance"],"unchanged":[],"pruned":[],"config":false,
		"differences":[{"path":"assertions.balance","change":"changed","fields":[{"path":"every","from":"5m","to":"1m"}]}]
	}`)
	if !w.application.DryRun {
		t.Error("the dry run was not asked for as one")
	}
	w.apply = nil
	w.post(t, "/api/v1/apply?dry_run=true", "assertions: []").is(t, 200, `{
		"created":["balance"],"changed":[],"unchanged":[],"pruned":[],"config":false,"differences":[]
	}`)
}
