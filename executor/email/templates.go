package email

import (
	"embed"
	"errors"
	htmltemplate "html/template"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/narrative-go/narrative"
)

// The names of the templates, in the folder [Sender].Templates.
const (
	TextTemplate = "message.txt.tmpl"
	HTMLTemplate = "message.html.tmpl"
)

//go:embed templates
var embedded embed.FS

// TemplateData is what the templates of a message see.
type TemplateData struct {
	Kind    string // a [narrative.NotificationKind]
	Subject string // one line
	Text    string
	// HTML was given to the message as its HTML, and is taken as it is; empty for most.
	HTML      htmltemplate.HTML
	Issues    []Issue // that the message concerns; none for a test, or of an occurrence
	Recipient string  // an address
}

// Issue is an issue as the templates see it, as it stood when the message was sent. Times are UTC.
type Issue struct {
	ID         string
	Name       string // the assertion, and the record where there is one
	Assertion  string
	Record     narrative.Record // zero where the issue is not about a record
	Kind       string           // a [narrative.IssueKind]
	Severity   string           // a [narrative.Severity]
	Status     string           // a [narrative.Status]
	Summary    string
	OpenedAt   time.Time
	ResolvedAt *time.Time // nil: it is not closed
	Awaiting   string     // what it waits for a person to do, approval or choice; empty: nothing
	WorkflowID string
}

func dataOf(t narrative.Telling) TemplateData {
	d := TemplateData{
		Kind: string(t.Kind), Subject: oneLine(t.Message.Subject), Text: t.Message.Text, HTML: htmltemplate.HTML(t.Message.HTML),
		Recipient: t.Recipient,
	}
	for _, s := range t.Stories {
		i := s.Issue
		one := Issue{
			ID: i.ID, Name: i.Name(), Assertion: i.Assertion, Record: i.Record, Kind: string(i.Kind), Severity: string(i.Severity),
			Status: string(i.Status), Summary: i.Summary, OpenedAt: i.OpenedAt.UTC(), WorkflowID: i.WorkflowID,
		}
		if i.ResolvedAt != nil {
			closed := i.ResolvedAt.UTC()
			one.ResolvedAt = &closed
		}
		if i.Awaiting != nil {
			one.Awaiting = i.Awaiting.For
		}
		d.Issues = append(d.Issues, one)
	}
	return d
}

// templates make the two forms of a message.
type templates struct {
	text *template.Template
	html *htmltemplate.Template
}

// readTemplates reads the templates of a folder, the embedded ones in place of those that it does not have, and tries
// them out. No folder has none. An error names file and line.
func readTemplates(folder string) (t templates, err error) {
	text, textName, err := source(folder, TextTemplate)
	if err != nil {
		return t, err
	}
	html, htmlName, err := source(folder, HTMLTemplate)
	if err != nil {
		return t, err
	}
	if folder != "" && textName == TextTemplate && htmlName == HTMLTemplate {
		return t, narrative.Errorf(narrative.Invalid, "the folder of mail templates %s has neither %s nor %s", folder, TextTemplate, HTMLTemplate)
	}
	if t.text, err = template.New(textName).Parse(text); err != nil {
		return t, badTemplate(err)
	}
	if t.html, err = htmltemplate.New(htmlName).Parse(html); err != nil {
		return t, badTemplate(err)
	}
	for _, d := range samples() {
		if _, _, err := t.fill(d); err != nil {
			return t, err
		}
	}
	return t, nil
}

// source is a template's text, and the file it is from.
func source(folder, name string) (text, from string, err error) {
	if folder != "" {
		path := filepath.Join(folder, name)
		content, err := os.ReadFile(path)
		if err == nil {
			return string(content), path, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", "", narrative.Errorf(narrative.Invalid, "read the mail template: %w", err)
		}
	}
	content, err := embedded.ReadFile("templates/" + name)
	return string(content), name, err
}

// fill returns the two forms of a message.
func (t templates) fill(d TemplateData) (text, html string, err error) {
	var a, b strings.Builder
	if err := t.text.Execute(&a, d); err != nil {
		return "", "", badTemplate(err)
	}
	if err := t.html.Execute(io.Writer(&b), d); err != nil {
		return "", "", badTemplate(err)
	}
	return a.String(), b.String(), nil
}

func badTemplate(err error) error {
	message := err.Error()
	for _, prefix := range []string{"template: ", "html/template:"} {
		message = strings.TrimPrefix(message, prefix)
	}
	return narrative.Errorf(narrative.Invalid, "the mail template %s", message)
}

// samples are messages of every kind: of no issue, of one, of several; with HTML of their own and without.
func samples() (all []TemplateData) {
	at := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	one := Issue{
		ID: "0196f3b2-0000-7000-8000-000000000001", Name: "invoices-balance invoice 7", Assertion: "invoices-balance",
		Record: narrative.Record{Type: "invoice", ID: "7"}, Kind: string(narrative.KindRecord), Severity: string(narrative.SeverityError),
		Status: string(narrative.StatusImpasse), Summary: "off by 5", OpenedAt: at, Awaiting: narrative.AwaitingChoice,
		WorkflowID: "issue/invoices-balance/invoice/7",
	}
	closed := one
	closed.Status, closed.ResolvedAt, closed.Awaiting = string(narrative.StatusResolved), &at, ""
	for _, kind := range []narrative.NotificationKind{
		narrative.NotifyOpened, narrative.NotifyNoSolution, narrative.NotifyImpasse, narrative.NotifyApproval, narrative.NotifyEscalated,
		narrative.NotifyRenotified, narrative.NotifyResolved, narrative.NotifyAction, narrative.NotifyTest,
	} {
		for _, issues := range [][]Issue{nil, {one}, {one, closed}} {
			d := TemplateData{Kind: string(kind), Subject: "a subject", Text: "A text <of>\ntwo lines.", Issues: issues, Recipient: "ops@example.com"}
			with := d
			with.HTML = "<p>its own</p>"
			all = append(all, d, with)
		}
	}
	return all
}
