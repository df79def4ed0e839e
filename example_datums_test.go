package narrative_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/narrative-go/narrative"
)

// A program writes facts as it goes; what several goroutines write at the same moment is stored together.
func ExampleDatums() {
	store := &kept{} // a program has one of persistence.Open
	ctx := context.Background()
	datums := narrative.NewDatums(store, narrative.DatumsOptions{})
	_ = datums.Log(ctx, narrative.Datum{Origin: "payments", Name: "refund", Note: json.RawMessage(`{"order":42}`)})
	_ = datums.Log(ctx, narrative.Datum{Origin: "payments", Name: "probe", Level: narrative.Debug})
	if err := datums.Close(ctx); err != nil {
		fmt.Println(err)
	}
	fmt.Println(datums.Counts())
	// Output: {1 1 0}
}

// What a program logs becomes datums, which assertions and events are written over.
func ExampleNewSlogHandler() {
	store := &kept{} // a program has one of persistence.Open
	ctx := context.Background()
	datums := narrative.NewDatums(store, narrative.DatumsOptions{})
	logger := slog.New(narrative.NewSlogHandler(datums, "shop", narrative.SlogOptions{}))
	logger.WarnContext(narrative.WithThread(ctx, "order-42"), "payment refused", "order", 42, slog.Group("card", "issuer", "A&B"))
	_ = datums.Close(ctx)
	d := store.batches[0][0]
	fmt.Println(d.Level, d.Origin, d.Name, d.ThreadID, string(d.Note))
	// Output: warn shop payment refused order-42 {"order":42,"card":{"issuer":"A&B"}}
}
