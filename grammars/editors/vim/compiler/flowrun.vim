" `:make` checks the file with `flowrun validate`.
if exists('g:current_compiler')
  finish
endif
let g:current_compiler = 'flowrun'
if exists(':CompilerSet') != 2
  command -nargs=* CompilerSet setlocal <args>
endif

CompilerSet makeprg=flowrun\ validate\ %:S
CompilerSet errorformat=
  \%Eerror[F%n]:\ %m,
  \%Wwarning[F%n]:\ %m,
  \%Z\ %#-->\ %f:%l:%c,
  \%-G%.%#
