package cli

import (
	"context"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/service"
)

// wiring is what the server commands are connected to; tests put their own in.
type wiring struct {
	newService func(service.Options) (server, error)
	setup      func(context.Context, service.Options) ([]string, error)
	migrate    func(ctx context.Context, url string, to int) (from, now int, err error)
	doctor     func(context.Context, service.Options) []service.Finding
	validator  func(*narrative.Registry) (narrative.Validator, error)
	addKey     func(context.Context, service.Options, narrative.APIKey) (narrative.APIKey, error)
}

// server is a process as a value.
type server interface {
	Start(ctx context.Context) error
	Wait(ctx context.Context) error // until ctx ends, or for what failed for good
	Stop()
	Addr() string            // the API's host:port; empty without one
	MetricsAddr() string     // of the metrics, where they have an address of their own; else empty
	UIURL() string           // the embedded Temporal's UI; empty without one
	TemporalAddress() string // the embedded Temporal's host:port; empty without one
	// Outbox is the folder where what is not sent is written, and by which channels it would be; empty where all is sent.
	Outbox() (dir string, channels []string)
}

var _ server = (*service.Service)(nil)

func realWiring() wiring {
	return wiring{
		newService: func(o service.Options) (server, error) { return service.New(o) },
		setup:      service.Setup,
		migrate:    service.Migrate,
		doctor:     service.Doctor,
		validator:  service.Validator,
		addKey:     service.AddKey,
	}
}
