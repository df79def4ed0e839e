package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	narrative "github.com/narrative-go/narrative"
)

// Bounds of the intake of datums.
const (
	maxDatum      = narrative.MaxDatumNote + 64<<10 // bytes of a body that brings datums, and of a line of NDJSON
	maxLineErrors = 100                             // told
)

// Intake says what became of the datums sent.
type Intake struct {
	Stored   int           `json:"stored"`
	Filtered int           `json:"filtered" doc:"Below the configured minimum level"`
	Refused  int           `json:"refused"`
	Errors   []IntakeError `json:"errors" doc:"Of the first hundred refused"`
}

// IntakeError is why one datum was refused.
type IntakeError struct {
	Line  int    `json:"line" doc:"Of NDJSON, or the place in the array, from 1"`
	Error string `json:"error"`
}

// intakeProblem is the problem document for when nothing was acceptable, with the answer's fields besides.
type intakeProblem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	// Instance names the request.
	Instance string `json:"instance"`
	Intake
}

var _ huma.StatusError = (*intakeProblem)(nil)

func (p *intakeProblem) Error() string { return p.Detail }

// GetStatus tells huma the status.
func (p *intakeProblem) GetStatus() int { return p.Status }

// ContentType tells huma that this is a problem document.
func (p *intakeProblem) ContentType(string) string { return "application/problem+json" }

// DatumsInput is the body of a request that brings datums.
type DatumsInput struct{ Payload payload }

func (a *api) addDatums(ctx context.Context, in *DatumsInput) (*answer[Intake], error) {
	i := &intake{store: a.Store, one: a.Datums, configs: a.Configs, clock: a.now, out: Intake{Errors: []IntakeError{}}}
	var err error
	if isNDJSON(in.Payload.contentType) {
		err = i.stream(ctx, newMoving(&in.Payload, a.Ending))
	} else {
		err = i.document(ctx, &in.Payload)
	}
	a.counted.intake(i.out)
	if err != nil {
		return nil, err
	}
	if i.out.Refused > 0 && i.out.Stored+i.out.Filtered == 0 {
		return nil, i.problem()
	}
	return answered(i.out), nil
}

// intake takes in the datums of one request.
type intake struct {
	store   narrative.DatumStore
	one     *narrative.Datums // for a datum that comes alone
	configs *narrative.ConfigCache
	clock   func() time.Time
	config  narrative.Config // as it was when what is taken in came
	now     time.Time        // likewise
	out     Intake
	batch   batch // that grows
	whole   bool  // all or nothing
}

// asOfNow has what is taken in from now on judged by the clock and the configuration, or what was known of it before.
func (i *intake) asOfNow(ctx context.Context) error {
	config, err := i.configs.Config(ctx)
	if i.now = i.clock(); err == nil {
		i.config = config
	}
	return err
}

// batch is datums that are stored together.
type batch struct {
	datums []narrative.Datum
	lines  []int // where each of them stood
	bytes  int
}

// kept is what became of a batch.
type kept struct {
	stored  int
	refused []refusedLine
	err     error
}

type refusedLine struct {
	line int
	err  error
}

func (i *intake) refuse(line int, err error) {
	i.out.Refused++
	if len(i.out.Errors) < maxLineErrors {
		message, _ := explainProblems("", err)
		i.out.Errors = append(i.out.Errors, IntakeError{Line: line, Error: message})
	}
}

func (i *intake) problem() error {
	first := i.out.Errors[0]
	detail := fmt.Sprintf("no datum was acceptable; the first, at %d: %s", first.Line, first.Error)
	switch {
	case i.whole:
		detail = fmt.Sprintf("nothing of the array is stored, since the datum at %d is refused: %s", first.Line, first.Error)
	case i.out.Refused == 1 && first.Line == 1:
		detail = first.Error
	}
	status := http.StatusUnprocessableEntity
	return &intakeProblem{Title: http.StatusText(status), Status: status, Detail: detail, Intake: i.out}
}

// take decodes one datum into the batch, unless it is refused or filtered.
func (i *intake) take(line int, raw []byte) {
	if !utf8.Valid(raw) { // the decoder would put U+FFFD in its place
		i.refuse(line, narrative.Errorf(narrative.Invalid, "is not valid UTF-8"))
		return
	}
	if trimmed := bytes.TrimSpace(raw); len(trimmed) == 0 || trimmed[0] != '{' {
		i.refuse(line, narrative.Errorf(narrative.Invalid, "a datum must be a JSON object"))
		return
	}
	var in DatumInput
	if err := narrative.DecodeArgs(raw, &in); err != nil {
		if !json.Valid(raw) {
			err = narrative.Errorf(narrative.Invalid, "is not valid JSON: %w", err)
		}
		i.refuse(line, err)
		return
	}
	d, err := in.datum(i.now, i.config)
	switch {
	case err != nil:
		i.refuse(line, err)
	case d.Level.Rank() < i.config.MinimumDatumLogLevel.Rank():
		i.out.Filtered++
	default:
		i.batch.datums, i.batch.lines = append(i.batch.datums, d), append(i.batch.lines, line)
		i.batch.bytes += len(raw)
	}
}

// document takes in one datum or an array of them, all or nothing.
func (i *intake) document(ctx context.Context, p *payload) error {
	body, err := p.readJSON(maxDatum)
	if err != nil {
		return err
	}
	if err := i.asOfNow(ctx); err != nil {
		return err
	}
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return &refusal{http.StatusBadRequest, "the body is empty; send a datum as a JSON object"}
	}
	if body[0] != '[' {
		i.take(1, body)
		return i.alone(ctx)
	}
	i.whole = true
	elements, err := splitArray(body)
	if err != nil {
		return err
	}
	for n, raw := range elements {
		i.take(n+1, raw)
	}
	if i.out.Refused > 0 {
		i.out.Filtered = 0 // none of the array counts
		return nil
	}
	return i.settle(i.together(ctx, i.batch))
}

func (i *intake) settle(k kept) error {
	i.out.Stored += k.stored
	for _, r := range k.refused {
		i.refuse(r.line, r.err)
	}
	return k.err
}

// alone stores the one datum there is, together with those of other requests.
func (i *intake) alone(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	for _, d := range i.batch.datums {
		if _, err := i.one.Add(ctx, d); err != nil {
			return err
		}
		i.out.Stored++
	}
	return nil
}

// together stores a batch, all or nothing.
func (i *intake) together(ctx context.Context, b batch) kept {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if len(b.datums) == 0 {
		return kept{}
	}
	if _, err := i.store.AddDatums(ctx, b.datums); err != nil {
		return kept{err: err}
	}
	return kept{stored: len(b.datums)}
}

// each stores a batch of which each datum counts by itself: a bad one spoils no other.
func (i *intake) each(ctx context.Context, b batch) kept {
	k := i.together(ctx, b)
	if narrative.KindOf(k.err) != narrative.Invalid {
		return k
	}
	k = kept{}
	for n, d := range b.datums {
		one := i.together(ctx, batch{datums: []narrative.Datum{d}})
		k.stored += one.stored
		switch {
		case narrative.KindOf(one.err) == narrative.Invalid:
			k.refused = append(k.refused, refusedLine{b.lines[n], one.err})
		case one.err != nil:
			k.err = one.err
			return k
		}
	}
	return k
}

// splitArray returns the elements of a JSON array.
func splitArray(body []byte) ([]json.RawMessage, error) {
	var elements []json.RawMessage
	if err := json.Unmarshal(body, &elements); err != nil {
		return nil, &refusal{http.StatusBadRequest, "the body is not a JSON array: " + err.Error()}
	}
	return elements, nil
}
