package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	narrative "github.com/narrative-go/narrative"
)

// ProcessingFailedEvent notices each process that failed, once. The agent says so by a datum of origin "processing" and
// name "failed", whose note is {"process": NAME, "error": TEXT}.
type ProcessingFailedEvent struct{ processingFailedArgs }

// processingFailedArgs are its arguments in narrative.yaml.
type processingFailedArgs struct {
	To     string             `json:"to"`     // who gets the e-mail
	Window narrative.Duration `json:"window"` // how far back datums are read; no longer than the meta's ttl
}

var (
	_ narrative.Event         = ProcessingFailedEvent{}
	_ narrative.Responder     = ProcessingFailedEvent{}
	_ narrative.ArgsValidator = (*processingFailedArgs)(nil)
)

func newProcessingFailed(args processingFailedArgs) (narrative.Event, error) {
	return ProcessingFailedEvent{args}, nil
}

// ValidateArgs refuses what the meta could not work with.
func (a *processingFailedArgs) ValidateArgs() (p narrative.Problems) {
	if a.To == "" {
		p = append(p, narrative.Problem{Path: "to", Message: "is required"})
	}
	if a.Window <= 0 {
		p = append(p, narrative.Problem{Path: "window", Message: "must be a duration such as 1h"})
	}
	return p
}

// Detect reads the failures of the window, newest first. The process identifies an occurrence; the error only describes
// it, so that a process that fails again, and differently, is not told again.
func (e ProcessingFailedEvent) Detect(ctx context.Context) ([]narrative.Occurrence, error) {
	datums, err := narrative.ReadDatums(ctx)
	if err != nil {
		return nil, err
	}
	query := narrative.DatumQuery{Origin: "processing", Name: "failed", Since: time.Now().Add(-time.Duration(e.Window))}
	page := narrative.Page{Limit: narrative.MaxPage}
	var noticed []narrative.Occurrence
	seen := map[string]bool{}
	for {
		listed, err := datums.Datums(ctx, query, page)
		if err != nil {
			return nil, err
		}
		for _, d := range listed.Items {
			var failure struct{ Process, Error string }
			if json.Unmarshal(d.Note, &failure) != nil || failure.Process == "" {
				failure.Process = "(not named)" // better than not told
			}
			if !seen[failure.Process] {
				seen[failure.Process] = true
				noticed = append(noticed, narrative.Occurrence{
					Summary: map[string]any{"process": failure.Process},
					Details: map[string]any{"error": failure.Error, "at": d.At.Format(time.RFC3339)},
				})
			}
		}
		if page.Cursor = listed.NextCursor; page.Cursor == "" {
			return noticed, nil
		}
	}
}

// Respond answers an occurrence with an e-mail.
func (e ProcessingFailedEvent) Respond(_ context.Context, o narrative.Occurrence) (narrative.Plan, error) {
	return narrative.Plan{narrative.Do("email", map[string]string{
		"to":      e.To,
		"subject": fmt.Sprintf("Process %v failed", o.Summary["process"]),
		"text":    fmt.Sprintf("Process %v failed at %v: %v", o.Summary["process"], o.Details["at"], o.Details["error"]),
	})}, nil
}
