" The indentation of flows: two spaces for each bracket that is open.
if exists('b:did_indent')
  finish
endif
let b:did_indent = 1

setlocal indentexpr=FlowrunIndent(v:lnum)
setlocal indentkeys=0{,0},0),0],o,O,!^F
setlocal nosmartindent
let b:undo_indent = 'setlocal indentexpr< indentkeys< smartindent<'

if exists('*FlowrunIndent')
  finish
endif

" Is the place in a text or a comment?
function s:quoted(line, column) abort
  let l:names = map(synstack(a:line, a:column), 'synIDattr(v:val, "name")')
  return match(l:names, 'String\|Triple\|Comment\|Directive') >= 0
endfunction

function FlowrunIndent(line) abort
  let l:before = prevnonblank(a:line - 1)
  if l:before == 0
    return 0
  endif
  let l:names = map(synstack(a:line, 1), 'synIDattr(v:val, "name")')
  if index(l:names, 'flowrunTriple') >= 0
    " The inside of a text stays as it is written.
    return -1
  endif
  let l:text = getline(l:before)
  let l:open = 0
  let l:first = 1
  for l:at in range(strlen(l:text))
    let l:sign = l:text[l:at]
    if l:sign !~# '[][(){}]' || s:quoted(l:before, l:at + 1)
      let l:first = l:first && l:sign =~# '\s'
      continue
    endif
    if l:sign =~# '[[({]'
      let l:open += 1
    elseif !l:first || l:open > 0
      let l:open -= 1
    endif
    let l:first = l:first && l:sign =~# '[])}]'
  endfor
  let l:indent = indent(l:before) + shiftwidth() * (l:open > 0 ? 1 : l:open < 0 ? l:open : 0)
  if getline(a:line) =~# '^\s*[])}]'
    let l:indent -= shiftwidth()
  endif
  return max([l:indent, 0])
endfunction
