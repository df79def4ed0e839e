package email

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/narrative-go/narrative"
)

func TestBothFormsSayTheSame(t *testing.T) {
	t.Parallel()
	message := about("i-7", "i-8")
	message.Kind = narrative.NotifyResolved
	got := received(t, message)
	if got.Text != "See <invoice> 7.\nRegards" {
		t.Errorf("text %q", got.Text)
	}
	for _, want := range []string{
		"See &lt;invoice&gt; 7.\nRegards", "invoice 7 is off: 5€ Bcc: x@example.com", "background-color: #2e7d32", "invoices-balance invoice i-8", "critical", "since 2026-03-01 12:00 UTC",
	} {
		if !strings.Contains(got.HTML, want) {
			t.Errorf("the HTML lacks %q:\n%s", want, got.HTML)
		}
	}
	for _, loaded := range []string{"http://", "https://", "<script", "<link", "<img", "url("} {
		if strings.Contains(got.HTML, loaded) {
			t.Errorf("the HTML loads something: %s", loaded)
		}
	}
}

func TestHTMLOfOnesOwnIsTakenAsItIs(t *testing.T) {
	t.Parallel()
	message := telling()
	message.Message.HTML = "<p>See <b>invoice</b> 7.</p>"
	if got := received(t, message); got.HTML != message.Message.HTML {
		t.Errorf("html %q", got.HTML)
	}
}

// folder holds templates.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestAFolderReplacesTheTemplates(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{HTMLTemplate: `<p>{{.Kind}} to {{.Recipient}}: {{.Text}}</p>{{range .Issues}}<i>{{.Name}}, {{.Record.ID}}</i>{{end}}{{.HTML}}`})
	id, err := Sender{Templates: dir}.identity()
	if err != nil {
		t.Fatal(err)
	}
	message := about("i-7")
	message.Message.HTML = "<hr>"
	text, html, err := id.templates.fill(dataOf(message))
	const want = `<p>action to ops@example.com: See &lt;invoice&gt; 7.` + "\n" + `Regards</p><i>invoices-balance invoice i-7, i-7</i><hr>`
	if err != nil || text != message.Message.Text || html != want {
		t.Errorf("text %q, html %q, %v", text, html, err)
	}
}

func TestATemplateThatFailsIsRefusedWithFileAndLine(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ file, text, says string }{
		"one that does not parse":   {TextTemplate, "\n{{.Text", ":2: unclosed action"},
		"an unknown field":          {TextTemplate, "a\nb\n{{.Txet}}", ":3:2: executing"},
		"an unknown function":       {HTMLTemplate, "{{env}}", `:1: function "env" not defined`},
		"one for some messages":     {HTMLTemplate, "{{if eq .Kind \"approval\"}}\n{{(index .Issues 1).ID}}{{end}}", ":2:3: executing"},
		"HTML that cannot be made":  {HTMLTemplate, "\n<a href=\"{{if .Text}}x{{else}}y\">z{{end}}", ":2"},
		"a template that is folder": {"", "", "has neither message.txt.tmpl nor message.html.tmpl"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{}
			if tt.file != "" {
				files[tt.file] = tt.text
			}
			dir := folder(t, files)
			_, err := NewSMTP("smtp://localhost", Sender{Templates: dir}, SMTPOptions{})
			if narrative.KindOf(err) != narrative.Invalid || !strings.Contains(err.Error(), filepath.Join(dir, tt.file)) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := NewOutbox(t.TempDir(), Sender{Templates: filepath.Join(t.TempDir(), "gone")}); narrative.KindOf(err) != narrative.Invalid {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func TestTemplatesSeeHowAnIssueStands(t *testing.T) {
	t.Parallel()
	closed := made.In(time.FixedZone("", 3600))
	message := about("i-7")
	issue := &message.Stories[0].Issue
	issue.ResolvedAt, issue.Awaiting = &closed, &narrative.Awaiting{For: narrative.AwaitingApproval}
	got := dataOf(message).Issues[0]
	if got.Awaiting != "approval" || got.ResolvedAt.Location() != time.UTC || got.Status != "impasse" {
		t.Errorf("got %+v", got)
	}
}
