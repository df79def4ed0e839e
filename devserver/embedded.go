package devserver

import (
	"context"
	"errors"

	enumspb "go.temporal.io/api/enums/v1"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/service"
)

var _ service.EmbeddedTemporal = Embedded

// Embedded gives `narrative dev` its Temporal server: cli.Main(reg, cli.WithEmbedded(devserver.Embedded)). A port or
// data directory in use is narrative.Unavailable.
func Embedded(ctx context.Context, o service.EmbeddedOptions) (service.EmbeddedServer, error) {
	attributes := make(map[string]enumspb.IndexedValueType, len(o.SearchAttributes))
	for _, name := range o.SearchAttributes {
		attributes[name] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
	}
	server, err := Start(ctx, Options{
		DataDir: o.DataDir, Port: o.Port, UIPort: o.UIPort, SearchAttributes: attributes, Logger: o.Logger,
	})
	if errors.Is(err, ErrPortInUse) || errors.Is(err, ErrDataDirInUse) {
		return nil, narrative.Errorf(narrative.Unavailable, "%w", err)
	}
	if err != nil {
		return nil, err
	}
	return server, nil
}
