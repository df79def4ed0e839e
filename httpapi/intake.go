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
	config, err := a.Store.Config(ctx)
	if err != nil {
		return nil, err
	}
	i := &intake{store: a.Store, config: config, now: a.now(), out: Intake{Errors: []IntakeError{}}}
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
	store  narrative.DatumStore
	config narrative.Config
	now    time.Time
	out    Intake

	batch      []narrative.Datum
	batchLines []int // where each of them stood
	batchBytes int
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
		i.batch, i.batchLines = append(i.batch, d), append(i.batchLines, line)
		i.batchBytes += len(raw)
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
		return i.flush(ctx, nil)
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
	return i.flush(ctx, nil)
}

// lines takes in NDJSON, each line alone, in batches.
func (i *intake) lines(ctx context.Context, p *payload) error {
	reader := bufio.NewReaderSize(p.moving(), 64<<10)
	defer func() { _ = p.deadline(time.Time{}) }()
	for number := 1; ; number++ {
		line, tooLong, err := readLine(reader)
		last := errors.Is(err, io.EOF)
		switch {
		case err != nil && !last:
			return i.brokenOff(unreadable(err))
		case tooLong:
			i.refuse(number, narrative.Errorf(narrative.Invalid, "the line is longer than %d bytes", maxLine))
		case len(bytes.TrimSpace(line)) > 0:
			i.take(number, line)
		}
		if last || len(i.batch) >= batchDatums || i.batchBytes >= batchBytes {
			if err := i.flush(ctx, i.oneByOne); err != nil {
				return i.brokenOff(err)
			}
		}
		if last {
			return nil
		}
	}
}

// brokenOff says how far a stream came: what was stored stays stored.
func (i *intake) brokenOff(err error) error {
	if i.out.Stored == 0 {
		return err
	}
	var refused *refusal
	if errors.As(err, &refused) {
		return &refusal{refused.status, fmt.Sprintf("%s; %d datums before were stored", refused.message, i.out.Stored)}
	}
	return narrative.Errorf(narrative.KindOf(err), "%w; %d datums before were stored", err, i.out.Stored)
}

// flush stores the batch. onFault, where it is not nil, has a try where the store finds fault with the batch.
func (i *intake) flush(ctx context.Context, onFault func(context.Context, []narrative.Datum, []int) error) error {
	batch, lines := i.batch, i.batchLines
	i.batch, i.batchLines, i.batchBytes = nil, nil, 0
	if len(batch) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err := i.store.AddDatums(ctx, batch)
	if narrative.KindOf(err) == narrative.Invalid && onFault != nil {
		return onFault(ctx, batch, lines)
	}
	if err == nil {
		i.out.Stored += len(batch)
	}
	return err
}

// oneByOne stores each datum by itself, so that a bad one spoils no other.
func (i *intake) oneByOne(ctx context.Context, batch []narrative.Datum, lines []int) error {
	for n, d := range batch {
		_, err := i.store.AddDatums(ctx, []narrative.Datum{d})
		switch {
		case err == nil:
			i.out.Stored++
		case narrative.KindOf(err) == narrative.Invalid:
			i.refuse(lines[n], err)
		default:
			return err
		}
	}
	return nil
}

// splitArray returns the elements of a JSON array.
func splitArray(body []byte) ([]json.RawMessage, error) {
	var elements []json.RawMessage
	if err := json.Unmarshal(body, &elements); err != nil {
		return nil, &refusal{http.StatusBadRequest, "the body is not a JSON array: " + err.Error()}
	}
	return elements, nil
}

// readLine returns the next line, without its end, and io.EOF with the last. Of one that is too long nothing is kept.
func readLine(r *bufio.Reader) (line []byte, tooLong bool, err error) {
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
