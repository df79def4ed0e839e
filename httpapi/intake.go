package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	narrative "github.com/narrative-go/narrative"
)

// Bounds of the intake of datums.
const (
	ndjsonType    = "application/x-ndjson"
	batchDatums   = 1000    // stored at once
	batchBytes    = 4 << 20 // or as soon as that much was read
	maxLine       = 1 << 20 // of NDJSON
	maxLineErrors = 100     // told
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
	config, err := a.Configs.Config(ctx)
	if err != nil {
		return nil, err
	}
	i := &intake{store: a.Store, one: a.Datums, configs: a.Configs, config: config, clock: a.now, now: a.now(), out: Intake{Errors: []IntakeError{}}}
	if isNDJSON(in.Payload.contentType) {
		err = i.lines(ctx, &in.Payload)
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
	config  narrative.Config // as it was when the last batch began
	clock   func() time.Time
	now     time.Time // likewise
	out     Intake

	batch   batch       // that grows
	storing <-chan kept // receives what became of the batch before; nil: there is none
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
	if i.out.Refused == 1 && first.Line == 1 {
		detail = first.Error
	}
	status := http.StatusUnprocessableEntity
	return &intakeProblem{Title: http.StatusText(status), Status: status, Detail: detail, Intake: i.out}
}

// take decodes one datum into the batch, unless it is refused or filtered.
func (i *intake) take(line int, raw []byte) {
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
	body, err := p.readJSON(maxBody)
	if err != nil {
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

// lines takes in NDJSON, each line alone, in batches: while one is stored, the next is read.
func (i *intake) lines(ctx context.Context, p *payload) error {
	defer func() { _ = p.deadline(time.Time{}) }()
	err := i.read(ctx, bufio.NewReaderSize(p.moving(), 64<<10))
	if stored := i.wait(); err == nil {
		err = stored
	}
	slices.SortStableFunc(i.out.Errors, func(a, b IntakeError) int { return a.Line - b.Line })
	return i.brokenOff(err)
}

func (i *intake) read(ctx context.Context, from *bufio.Reader) error {
	var line []byte
	for number := 1; ; number++ {
		var tooLong bool
		var err error
		line, tooLong, err = readLine(from, line[:0])
		last := errors.Is(err, io.EOF)
		switch {
		case err != nil && !last:
			return unreadable(err)
		case tooLong:
			i.refuse(number, narrative.Errorf(narrative.Invalid, "the line is longer than %d bytes", maxLine))
		case len(bytes.TrimSpace(line)) > 0:
			i.take(number, line)
		}
		if last || len(i.batch.datums) >= batchDatums || i.batch.bytes >= batchBytes {
			if err := i.next(ctx); err != nil || last {
				return err
			}
		}
	}
}

// next has the batch stored once the one before is, and begins another.
func (i *intake) next(ctx context.Context) (err error) {
	if err := i.wait(); err != nil {
		return err
	}
	if len(i.batch.datums) > 0 {
		full, storing := i.batch, make(chan kept, 1)
		i.storing = storing
		go func() { storing <- i.each(ctx, full) }()
	}
	i.batch, i.now = batch{}, i.clock()
	i.config, err = i.configs.Config(ctx)
	return err
}

// wait waits for the batch before.
func (i *intake) wait() error {
	if i.storing == nil {
		return nil
	}
	k := <-i.storing
	i.storing = nil
	return i.settle(k)
}

func (i *intake) settle(k kept) error {
	i.out.Stored += k.stored
	for _, r := range k.refused {
		i.refuse(r.line, r.err)
	}
	return k.err
}

// brokenOff says how far a stream came: what was stored stays stored.
func (i *intake) brokenOff(err error) error {
	if err == nil || i.out.Stored == 0 {
		return err
	}
	var refused *refusal
	if errors.As(err, &refused) {
		return &refusal{refused.status, fmt.Sprintf("%s; %d datums before were stored", refused.message, i.out.Stored)}
	}
	return narrative.Errorf(narrative.KindOf(err), "%w; %d datums before were stored", err, i.out.Stored)
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

// readLine appends the next line, without its end, to one, and returns io.EOF with the last. Of one that is too long
// nothing is kept.
func readLine(r *bufio.Reader, line []byte) (_ []byte, tooLong bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if !tooLong {
			line = append(line, part...)
		}
		if len(line) > maxLine+1 {
			line, tooLong = nil, true
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimSuffix(line, []byte("\n")), tooLong, err
		}
	}
}
