package cli

import (
	"log/slog"

	"github.com/spf13/cobra"
)

func (p *program) serveCommand() *cobra.Command {
	var listen listening
	c := &cobra.Command{
		Use: "serve", Short: "Serve the API (needs NARRATIVE_DATABASE_URL, a Temporal, and a worker somewhere)", Args: takes(),
	}
	listen.flags(c.Flags())
	trigger := triggering(c.Flags())
	metrics := metricsListening(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, _ []string) error {
		o, err := p.serviceOptions(slog.LevelInfo, *trigger)
		if err != nil {
			return err
		}
		listen.options(&o)
		o.MetricsListen = *metrics
		return p.serve(cmd.Context(), o, func(s server) { o.Logger.Info("serving the API", "url", listen.url(s)) })
	})
	return c
}
