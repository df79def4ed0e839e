module github.com/narrative-go/narrative/cmd/narrative

go 1.26.8

require (
	github.com/narrative-go/narrative v0.0.0
	github.com/narrative-go/narrative/devserver v0.0.0
)

replace (
	github.com/narrative-go/narrative => ../..
	github.com/narrative-go/narrative/devserver => ../../devserver
)
