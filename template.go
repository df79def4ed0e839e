package narrative

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"text/template"
	"text/template/parse"
)

// TemplateData is what templates in a plan's arguments see: Issue, Record and Verdict for an issue; Summary and
// Details for an occurrence. It is kept beside the solution, so it encodes as JSON.
type TemplateData struct {
	Issue   *Issue         `json:"issue,omitempty"`
	Verdict *Verdict       `json:"verdict,omitempty"`
	Summary map[string]any `json:"summary,omitempty"`
	Details map[string]any `json:"details,omitempty"`
}

// IssueData is the data for plans that answer an issue. The issue's steps are left out.
func IssueData(i Issue) (*TemplateData, error) {
	i.Steps = nil
	return (&TemplateData{Issue: &i, Verdict: &i.Verdict}).plain()
}

// OccurrenceData is the data for plans that answer an occurrence.
func OccurrenceData(o Occurrence) (*TemplateData, error) {
	return (&TemplateData{Summary: o.Summary, Details: o.Details}).plain()
}

// plain returns the data as it will be read back from the store, so that a plan filled now and one filled later are
// the same.
func (d *TemplateData) plain() (*TemplateData, error) {
	encoded, err := json.Marshal(d)
	if err != nil {
		return nil, Errorf(Invalid, "encode what the templates see: %w", err)
	}
	var p TemplateData
	return &p, p.UnmarshalJSON(encoded)
}

// UnmarshalJSON keeps whole numbers whole.
func (d *TemplateData) UnmarshalJSON(b []byte) error {
	type bare TemplateData
	if err := json.Unmarshal(b, (*bare)(d)); err != nil {
		return err
	}
	whole, err := DecodeJSON(b)
	if err != nil {
		return err
	}
	m, _ := whole.(map[string]any)
	d.Summary, _ = m["summary"].(map[string]any)
	d.Details, _ = m["details"].(map[string]any)
	if v, _ := m["verdict"].(map[string]any); v != nil && d.Verdict != nil {
		d.Verdict.Details, _ = v["details"].(map[string]any)
	}
	return nil
}

func (d *TemplateData) view() map[string]any {
	if d.Issue == nil {
		return map[string]any{"Summary": nonNil(d.Summary), "Details": nonNil(d.Details)}
	}
	verdict := d.Issue.Verdict
	if d.Verdict != nil {
		verdict = *d.Verdict
	}
	return map[string]any{"Issue": *d.Issue, "Verdict": verdict, "Record": RecordView(d.Issue.Record, verdict.Details)}
}

// RecordView is a record as templates and expressions see it: its columns (the verdict's details), and type and id,
// which templates may also write Type and ID.
func RecordView(r Record, columns map[string]any) map[string]any {
	view := map[string]any{}
	for k, v := range columns {
		view[k] = v
	}
	view["type"], view["id"] = r.Type, r.ID
	view["Type"], view["ID"] = r.Type, r.ID
	return view
}

func nonNil(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

// Resolver returns what a reference stands for: kind is env or file, name the variable or path.
type Resolver func(kind, name string) (string, error)

// FillPlan fills the templates in the plan's arguments. References in the plan's own text are resolved where resolve
// is given and left as they are where it is nil; references in data are never touched, and neither what a reference
// stands for nor data is read as a template.
//
// Templates are those of [text/template]. Their functions are a closed set; any other is a problem that says what there
// is. Of text/template's own there are and, eq, ge, gt, html, index, le, len, lt, ne, not, or, print, printf (without
// widths given as * and without argument numbers), println, slice and urlquery; call and js are withheld, and so are
// define, block and template. Besides, there are
//
//	upper VALUE, lower VALUE, trim VALUE  the value as text, in capitals, in small letters, without space around it
//	join SEPARATOR LIST                   the items of a list as one text
//	default OTHERWISE VALUE               VALUE, or OTHERWISE where that is empty, zero, false or null
//	json VALUE                            the value as JSON
//	date LAYOUT TIME                      a time, or a text in the form of RFC 3339, by a layout of package time, in UTC
//
// A missing column is an error; {{index .Record "sku" | default "none"}} is not. A text is at most 1 MiB long once it is
// filled in, and so is every value made on the way; its loops go around at most 100000 times. A template that goes
// beyond is an [Invalid] error.
func FillPlan(p Plan, d *TemplateData, resolve Resolver) (Plan, error) {
	filled := make(Plan, len(p))
	for i, a := range p {
		f, err := FillAction(a, d, resolve)
		if err != nil {
			return nil, ProblemsOf(fmt.Sprintf("[%d]", i), err)
		}
		filled[i] = f
	}
	return filled, nil
}

// FillAction is [FillPlan] for one action. With nil data it only resolves references.
func FillAction(a Action, d *TemplateData, resolve Resolver) (Action, error) {
	var view map[string]any
	if d != nil {
		view = d.view()
	}
	args, err := mapStrings(a.Args, func(s string) (string, error) {
		if d == nil || !strings.Contains(s, "{{") {
			return resolveText(s, resolve)
		}
		return fillText(s, view, resolve)
	})
	if err != nil {
		return Action{}, ProblemsOf(a.Action, err)
	}
	a.Args = args
	return a, nil
}

// ResolveReferences returns the JSON value with every reference in its strings resolved.
func ResolveReferences(value json.RawMessage, resolve Resolver) (json.RawMessage, error) {
	return mapStrings(value, func(s string) (string, error) { return resolveText(s, resolve) })
}

// mapStrings returns the JSON value with each string value, but no member's name, put through change. Problems carry
// the string's path.
func mapStrings(value json.RawMessage, change func(string) (string, error)) (json.RawMessage, error) {
	if len(value) == 0 {
		return value, nil
	}
	v, err := decodeNumbers(value)
	if err != nil {
		return nil, err
	}
	var problems Problems
	v = walkStrings(v, "", func(path, s string) string {
		changed, err := change(s)
		problems = append(problems, ProblemsOf(path, err)...)
		return changed
	})
	if err := problems.Err(); err != nil {
		return nil, err
	}
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return json.RawMessage(strings.TrimSuffix(out.String(), "\n")), nil
}

func walkStrings(v any, path string, change func(path, s string) string) any {
	switch v := v.(type) {
	case string:
		return change(path, v)
	case []any:
		for i := range v {
			v[i] = walkStrings(v[i], fmt.Sprintf("%s[%d]", path, i), change)
		}
	case map[string]any:
		for _, k := range sortedKeys(v) {
			v[k] = walkStrings(v[k], joinPath(path, k), change)
		}
	}
	return v
}

var (
	referenceStart = regexp.MustCompile(`\$\{(env|file):`)
	reference      = regexp.MustCompile(`\$\{(env|file):([^${}]*)\}`)
	envName        = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// HasReference tells whether the text refers to a secret.
func HasReference(s string) bool { return referenceStart.MatchString(s) }

// checkReferences returns what is wrong with the references in the text.
func checkReferences(s string) error {
	if len(referenceStart.FindAllString(s, -1)) != len(reference.FindAllString(s, -1)) {
		return Errorf(Invalid, "has a reference that does not end; write ${env:NAME} or ${file:PATH}")
	}
	for _, m := range reference.FindAllStringSubmatch(s, -1) {
		if err := checkReference(m[1], m[2]); err != nil {
			return err
		}
	}
	return nil
}

func checkReference(kind, name string) error {
	switch {
	case kind == "file" && name == "":
		return Errorf(Invalid, "${file:} names no path")
	case kind == "file":
		return nil
	case !envName.MatchString(name):
		return Errorf(Invalid, "${env:%s} does not name an environment variable", name)
	case strings.HasPrefix(name, "NARRATIVE_") || strings.HasPrefix(name, "TEMPORAL_"):
		return Errorf(Invalid, "${env:%s} is refused: NARRATIVE_* and TEMPORAL_* are Narrative's own", name)
	}
	return nil
}

func resolveText(s string, resolve Resolver) (string, error) {
	if resolve == nil || !HasReference(s) {
		return s, nil
	}
	if err := checkReferences(s); err != nil {
		return "", err
	}
	var failed error
	resolved := reference.ReplaceAllStringFunc(s, func(ref string) string {
		m := reference.FindStringSubmatch(ref)
		value, err := resolve(m[1], m[2])
		if err != nil && failed == nil {
			failed = err
		}
		return value
	})
	return resolved, failed
}

func fillText(s string, view map[string]any, resolve Resolver) (string, error) {
	t, err := parseTemplate(s)
	if err != nil {
		return "", err
	}
	if err := resolveNodes(t.Root, resolve); err != nil {
		return "", err
	}
	if err := countTurns(t.Root); err != nil {
		return "", err
	}
	var out bounded
	if err := t.Execute(&out, view); err != nil {
		return "", Errorf(Invalid, "fill the template: %s", templateMessage(err))
	}
	return out.String(), nil
}

// parseTemplate reads a template. It knows no functions but [templateFunctions].
func parseTemplate(s string) (*template.Template, error) {
	tree, all := parse.New(""), map[string]*parse.Tree{}
	tree.Mode = parse.SkipFuncCheck
	if _, err := tree.Parse(s, "", "", all); err != nil {
		return nil, Errorf(Invalid, "is not a template: %s", templateMessage(err))
	}
	if len(all) > 1 {
		return nil, Errorf(Invalid, "is not a template: define, block and template are not for a text like this")
	}
	if err := checkFunctions(s, tree.Root); err != nil {
		return nil, Errorf(Invalid, "is not a template: %w", err)
	}
	t, err := template.New("").Funcs((&budget{}).functions()).Option("missingkey=error").AddParseTree("", tree)
	if err != nil {
		return nil, Errorf(Invalid, "is not a template: %s", templateMessage(err))
	}
	return t, nil
}

func templateMessage(err error) string {
	return strings.TrimPrefix(err.Error(), "template: :")
}

// resolveNodes resolves references in the template's literal text only.
func resolveNodes(list *parse.ListNode, resolve Resolver) error {
	if list == nil {
		return nil
	}
	for _, n := range list.Nodes {
		var err error
		switch n := n.(type) {
		case *parse.TextNode:
			var text string
			text, err = resolveText(string(n.Text), resolve)
			n.Text = []byte(text)
		case *parse.IfNode:
			err = resolveBranch(&n.BranchNode, resolve)
		case *parse.RangeNode:
			err = resolveBranch(&n.BranchNode, resolve)
		case *parse.WithNode:
			err = resolveBranch(&n.BranchNode, resolve)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func resolveBranch(b *parse.BranchNode, resolve Resolver) error {
	if err := resolveNodes(b.List, resolve); err != nil {
		return err
	}
	return resolveNodes(b.ElseList, resolve)
}
