package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/danielgtaylor/huma/v2"

	narrative "github.com/narrative-go/narrative"
)

// Application is one or several narrative.yaml to be applied together, all or nothing.
type Application struct {
	Files  []File
	Prune  bool // remove what came from the files' sources and stands in them no more
	DryRun bool // do nothing, and say what would be done
}

// File is a narrative.yaml.
type File struct {
	Name   string `json:"name" maxLength:"4096" doc:"What mistakes call it; default its source, or narrative.yaml"`
	Source string `json:"source" maxLength:"255" doc:"Labels what comes from it, unless it says so itself; default the last part of its name, which is not enough to prune where that is narrative.yaml or stdin"`
	Dir    string `json:"dir" maxLength:"4096" doc:"The folder that relative paths are relative to, an absolute path; without it, relative paths are mistakes"`
	Text   string `json:"text" doc:"The text of a narrative.yaml"`
}

// Files are several narrative.yaml in one body.
type Files struct {
	Files []File `json:"files" maxItems:"1000"`
}

// defaultName is what a file is called that says neither its name nor its source.
const defaultName = "narrative.yaml"

// Bounds of an application of several files.
const (
	maxFilesBody = 16 << 20
	maxFiles     = 1000
)

func (a *api) applyRoutes() {
	add(a, route{
		method: http.MethodPost, path: "/api/v1/apply", id: "apply", tag: "configuration",
		summary: "Apply a whole narrative.yaml, or several together, all or nothing",
		timeout: 2 * time.Minute, // many triggers may have to be started
		errors:  []int{http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
		body: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/yaml": {Schema: &huma.Schema{Type: huma.TypeString, Description: "The text of a narrative.yaml"}, Examples: textExample(applyExample)},
			"application/json": {Schema: schemaOf[Files](a), Examples: examples("files", "Two files together", filesExample)},
		}},
	}, a.apply)
}

// ApplyInput is what to apply and how. The query's source and dir go with the text of a file; several files have theirs.
type ApplyInput struct {
	Source  string `query:"source" maxLength:"255" doc:"Labels what comes from the file, unless it says so itself, as one of the two must to prune; default narrative.yaml"`
	Dir     string `query:"dir" maxLength:"4096" doc:"The folder that relative paths are relative to, an absolute path; without it, relative paths are mistakes"`
	Prune   bool   `query:"prune" doc:"Remove what came from the same sources and stands in the files no more"`
	DryRun  bool   `query:"dry_run" doc:"Do nothing, and say what would be done, with the differences field by field"`
	Payload payload
}

func (a *api) apply(ctx context.Context, in *ApplyInput) (*answer[narrative.Applied], error) {
	problems := textProblems(map[string]string{"source": in.Source, "dir": in.Dir})
	if err := append(problems, folderProblems(in.Dir)...).Err(); err != nil {
		return nil, &refusal{http.StatusBadRequest, err.Error()}
	}
	files, err := in.files()
	if err != nil {
		return nil, err
	}
	applied, err := a.Apply(ctx, Application{Files: files, Prune: in.Prune, DryRun: in.DryRun})
	if err != nil {
		return nil, misplaced(err)
	}
	for _, names := range []*[]string{&applied.Created, &applied.Changed, &applied.Unchanged, &applied.Pruned} {
		*names = orEmpty(*names)
	}
	if in.DryRun {
		applied.Differences = orEmpty(applied.Differences)
	}
	return answered(applied), nil
}

// files returns what the body holds: JSON with the key files, or the text of one file, which may be JSON as well.
func (in *ApplyInput) files() ([]File, error) {
	limit := int64(maxApplyBody)
	if in.Payload.contentType == "application/json" {
		limit = maxFilesBody
	}
	body, err := in.Payload.read(limit)
	if err != nil {
		return nil, err
	}
	if in.Payload.contentType == "application/json" {
		files, several, err := severalFiles(body)
		if several || err != nil {
			return files, err
		}
		if len(body) > maxApplyBody {
			return nil, &refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", maxApplyBody)}
		}
	}
	return []File{{Name: cmp.Or(in.Source, defaultName), Source: in.Source, Dir: in.Dir, Text: string(body)}}, nil
}

func severalFiles(body []byte) (files []File, several bool, err error) {
	var keys map[string]json.RawMessage
	if json.Unmarshal(body, &keys) != nil || keys["files"] == nil {
		return nil, false, nil
	}
	var in Files
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return nil, true, narrative.Problems{{Path: "files", Message: "must be a list of objects with name, source, dir and text: " + err.Error()}}
	}
	if n := len(in.Files); n == 0 || n > maxFiles {
		return nil, true, narrative.Problems{{Path: "files", Message: fmt.Sprintf("must be from 1 to %d files; not %d", maxFiles, n)}}
	}
	for i := range in.Files {
		f := &in.Files[i]
		f.Name = cmp.Or(f.Name, f.Source, defaultName)
		p := textProblems(map[string]string{"name": f.Name, "source": f.Source, "dir": f.Dir})
		p = append(p, folderProblems(f.Dir)...)
		if len(f.Source) > 255 {
			p = append(p, narrative.Problem{Path: "source", Message: "must be at most 255 bytes long"})
		}
		if err := p.At(fmt.Sprintf("files[%d]", i)).Err(); err != nil {
			return nil, true, err
		}
	}
	return in.Files, true, nil
}

// folderProblems refuses a folder that would be another one for each process.
func folderProblems(dir string) narrative.Problems {
	if dir == "" || filepath.IsAbs(dir) {
		return nil
	}
	return narrative.Problems{{Path: "dir", Message: "must be an absolute path"}}
}

// misplaced makes the problem document of a file's mistakes, whose places are in the file and not in the body. Its
// detail is the error's own text, which shows them with their lines.
func misplaced(err error) error {
	if narrative.KindOf(err) != narrative.Invalid {
		return err
	}
	_, details := explainProblems("", err)
	if len(details) == 0 {
		details = []error{&huma.ErrorDetail{Message: err.Error()}}
	}
	return huma.NewError(http.StatusUnprocessableEntity, err.Error(), details...)
}
