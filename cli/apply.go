package cli

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/config"
)

func (p *program) applyCommand() *cobra.Command {
	var out output
	var file string
	c := &cobra.Command{Use: "apply -f FILE", Short: "Make Narrative watch what a narrative.yaml says, all or nothing", Args: takes()}
	c.Flags().StringVarP(&file, "file", "f", "", "the narrative.yaml, or - for stdin")
	orEnv(c.Flags(), "file", "NARRATIVE_FILE")
	out.flags(c.Flags())
	c.RunE = p.does(func(cmd *cobra.Command, _ []string) error {
		if _, err := out.json(); err != nil {
			return err
		}
		if file == "" {
			return misused("%s needs -f FILE", cmd.CommandPath())
		}
		text, err := p.readFile(file, config.MaxSize)
		if err != nil {
			return err
		}
		r, err := p.apply(cmd, file, text)
		if err != nil {
			return err
		}
		return out.print(cmd, r, func(w io.Writer) error {
			var applied narrative.Applied
			if err := r.into(&applied); err != nil {
				return err
			}
			return printApplied(w, applied)
		})
	})
	return c
}

func (p *program) apply(cmd *cobra.Command, file string, text []byte) (reply, error) {
	client, err := p.client()
	if err != nil {
		return reply{}, err
	}
	source, place := "stdin", "."
	if file != "-" {
		source, place = filepath.Base(file), filepath.Dir(file)
	}
	dir, err := filepath.Abs(place)
	if err != nil {
		return reply{}, failed("find the folder of %s: %w", file, err)
	}
	path := "/api/v1/apply?" + url.Values{"source": {source}, "dir": {dir}}.Encode()
	r, err := client.send(cmd.Context(), http.MethodPost, path, text, "Content-Type", "application/yaml")
	var document *problem
	if errors.As(err, &document) && strings.HasPrefix(document.Detail, source+":") {
		// The API knows the file by its source; the user by what they typed. The lines speak for themselves.
		fmt.Fprintln(cmd.ErrOrStderr(), relabel(document.Detail, source, file))
		return reply{}, &exit{code: exitMisused}
	}
	return r, err
}

// relabel names the file in mistakes of the form SOURCE:LINE:COL.
func relabel(text, source, file string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if rest, ok := strings.CutPrefix(line, source+":"); ok {
			lines[i] = file + ":" + rest
		}
	}
	return strings.Join(lines, "\n")
}

func printApplied(w io.Writer, a narrative.Applied) error {
	for _, part := range []struct {
		what  string
		names []string
	}{{"created", a.Created}, {"changed", a.Changed}, {"unchanged", a.Unchanged}} {
		if len(part.names) > 0 {
			fmt.Fprintf(w, "%-10s %s\n", part.what, strings.Join(part.names, ", "))
		}
	}
	if a.Config {
		fmt.Fprintln(w, "changed    the configuration")
	}
	if !a.Config && len(a.Created)+len(a.Changed) == 0 {
		fmt.Fprintln(w, "nothing to do")
	}
	return nil
}
