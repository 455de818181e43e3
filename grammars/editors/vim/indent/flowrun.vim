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
  return match(s:names(a:line, a:column), 'String\|Triple\|Comment\|Directive') >= 0
endfunction

" The names of the syntax at a place, from the outermost.
function s:names(line, column) abort
  return map(synstack(a:line, a:column), 'synIDattr(v:val, "name")')
endfunction

let s:message = '^\s*\%(system\|user\|assistant\)\s*"'
let s:clause = '^\s*\%(->\||\|\%(check\|with\|after\|when\|where\|and\|or\)\s\|else\s\+[^= ]\)'

" Does a line go on with the one before it?
function s:goes_on(line) abort
  return getline(a:line) =~# s:message || getline(a:line) =~# s:clause
    \ || index(s:names(a:line, 1), 'flowrunTriple') >= 0
endfunction

" The brackets that a line leaves open. Those that it begins with are closed by its own indentation.
function s:open(line) abort
  let l:text = getline(a:line)
  let l:open = 0
  let l:first = 1
  for l:at in range(strlen(l:text))
    let l:sign = l:text[l:at]
    if l:sign !~# '[][(){}]' || s:quoted(a:line, l:at + 1)
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
  return l:open
endfunction

function FlowrunIndent(line) abort
  let l:begin = prevnonblank(a:line - 1)
  if l:begin == 0
    return 0
  endif
  if index(s:names(a:line, 1), 'flowrunTriple') >= 0
    " The inside of a text stays as it is written.
    return -1
  endif
  let l:open = s:open(l:begin)
  while l:begin > 1 && s:goes_on(l:begin)
    let l:begin = prevnonblank(l:begin - 1)
    let l:open += s:open(l:begin)
  endwhile
  let l:indent = indent(l:begin)
  if l:open <= 0 && getline(a:line) =~# s:message
    return l:indent + shiftwidth()
  elseif l:open <= 0 && getline(a:line) =~# s:clause
    return l:indent + 2 * shiftwidth()
  endif
  let l:indent += shiftwidth() * (l:open > 0 ? 1 : l:open < 0 ? l:open : 0)
  if getline(a:line) =~# '^\s*[])}]'
    let l:indent -= shiftwidth()
  endif
  return max([l:indent, 0])
endfunction
