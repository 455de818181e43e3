" Vim syntax file of the flow language. grammars/editors/make.py writes it.
if exists('b:current_syntax')
  finish
endif
let s:keep = &cpo
set cpo&vim

syntax case match
syntax sync minlines=200
syntax iskeyword @,48-57,_

syntax match flowrunOperator /\v->|\?\?|[=!<>]\=|\.\.|[-+*\/<>=|?]/
syntax match flowrunNumber /\v\$?<\d+%(\.\d+)?%(ms|s|m|h)?>%(\%)?/
syntax match flowrunTypeName /\v<\u\w*>/
syntax match flowrunJoin /\v<%(and|not|in|or)>/
syntax match flowrunConstant /\v<%(false|none|true)>/
syntax match flowrunKeyword /\v<%(cascade|budget|expect|fanout|reduce|repeat|return|after|chain|match|reply|where|else|when|with|ask|map)>%(\s*[:.,)\]}])@!/
syntax match flowrunKeyword /\v<at\s+most>|<at>\ze\s*\[|<chain\s+up\s+to>/
syntax match flowrunKeyword /\v%(\}\s*)@200<=until>/
syntax match flowrunKeyword /\v%(<repeat\s+\d+%(\.\.\d+)?\s+)@200<=over>/
syntax match flowrunKeyword /\v%(^\s*)@200<=check>\ze\s+%(%(and|or|in)>)@![[:alnum:]_\"([-]/
syntax match flowrunKeyword /\v<from\ze\s*\"/
syntax match flowrunKeyword /\v%(\"\s*)@200<=%(%(of|as)>|key\ze\s*\")/
syntax match flowrunKeyword /\v%(\d\s+)@200<=calls>/
syntax match flowrunKeyword /\v<%(assistant|system|user)\ze\s*\"/
syntax match flowrunKeyword /\v<%(untrusted|trusted)\ze\s+[[:alpha:]_\"[{]/
syntax match flowrunKeyword /\v%(^\s*)@200<=%(cassette|cases|file)\ze\s*\"/
syntax match flowrunKeyword /\v%(^\s*expect>.{-}\s)@200<=%(matches|contains|about|within)>\ze\s/
syntax match flowrunKeyword /\v%(^\s*expect>.{-}\s)@200<=%(skipped|failed|asked)\ze\s*$/
syntax match flowrunKeyword /\v%(^\s*expect\s+%(not\s+)?)@200<=asked\ze\s+\a/
syntax match flowrunType /\v%(%(:|-\>|\||\[|\(|<of|trusted)\s*)@200<=%(document|number|image|model|quote|bool|json|text|int)>\ze%(\s*[.(=])@!/
syntax match flowrunFunction /\v<\h\w*\ze\s*\(/
syntax match flowrunReducer /\v%(<reduce\s+)@200<=%(consistent|unanimous|approval|majority|weighted|collect|flatten|concat|dedupe|median|quorum|ranked|window|ahead|count|first|merge|best|mean|rank|sum)>/
syntax match flowrunKeyword /\v%(<reduce\s*\(?\s*)@200<=%(by|fold|ask)>/
syntax match flowrunField /\v<\h\w*\ze\s*:/
syntax match flowrunOption /\v%(<with\s+|,\s*)@<=<%(frequency_penalty|presence_penalty|cached_price|output_price|service_tier|stored_price|concurrency|input_price|temperature|max_tokens|reasoning|verbosity|logprobs|retries|timeout|errors|launch|stream|weight|batch|cache|extra|hedge|top_p|seed|stop|user|rpm|tpm)\ze\s*:/
syntax match flowrunStep /\v%(^\s*)@200<=\h\w*\ze\s*\=\=@!/
syntax match flowrunName /\v%(^\s*%(endpoint|extern|flow|import|model|prompt|setup|test|text|type)\s+)@200<=\h\w*\ze\s*%([(=]|<with>|<at>|<of>)/
syntax match flowrunKeyword /\v%(^\s*model\s+)@200<=default\ze\s+with>/
syntax match flowrunDeclaration /\v%(^\s*)@200<=%(endpoint|extern|import|prompt|model|setup|flow|test|text|type)\ze\s+%(\h\w*\s*%([(=]|<with>|<at>|<of>)|\")/
syntax match flowrunKeyword /\v%(^\s*)@200<=%(setup|extern)\ze\s+\h\w*%(\.\h\w*)*\s*%(:|$)/
syntax match flowrunComment /#.*$/ contains=@Spell
syntax match flowrunDirective /#\s*flowrun:.*$/
syntax region flowrunString start=/"/ skip=/\\./ end=/"/ end=/$/ oneline contains=@flowrunInside,@Spell
syntax region flowrunTriple start=/"""/ skip=/\\./ end=/"""/ keepend contains=@flowrunInside,@Spell
syntax cluster flowrunInside contains=flowrunEscape,flowrunOutput,flowrunLine,flowrunTemplateComment
syntax match flowrunEscape /\\./ contained
syntax region flowrunTemplateComment start=/{#/ end=/#}/ contained
syntax region flowrunOutput matchgroup=flowrunMark start=/{{/ end=/}}/ contained contains=@flowrunTemplate
syntax region flowrunLine matchgroup=flowrunMark start=/{%/ end=/%}/ contained contains=@flowrunTemplate
syntax cluster flowrunTemplate contains=flowrunTemplateWord,flowrunTemplateString,flowrunFilter,flowrunNumber
syntax match flowrunTemplateWord /\v<%(defined|endfor|endif|false|elif|else|none|true|and|for|not|set|if|in|is|or)>/ contained
syntax match flowrunFilter /\v%(\|\s*)@200<=%(starts_with|capitalize|ends_with|contains|truncate|default|replace|reverse|dedupe|indent|length|unique|first|group|lines|lower|round|title|upper|words|join|json|last|mean|rank|sort|trim|abs|max|min|sum)>/ contained
syntax match flowrunTemplateString /'[^']*'/ contained

highlight default link flowrunComment Comment
highlight default link flowrunDirective SpecialComment
highlight default link flowrunDeclaration Keyword
highlight default link flowrunKeyword Statement
highlight default link flowrunJoin Operator
highlight default link flowrunOperator Operator
highlight default link flowrunConstant Constant
highlight default link flowrunNumber Number
highlight default link flowrunType Type
highlight default link flowrunTypeName Type
highlight default link flowrunName Function
highlight default link flowrunStep Identifier
highlight default link flowrunField Identifier
highlight default link flowrunFunction Function
highlight default link flowrunReducer Function
highlight default link flowrunOption PreProc
highlight default link flowrunString String
highlight default link flowrunTriple String
highlight default link flowrunEscape SpecialChar
highlight default link flowrunMark Delimiter
highlight default link flowrunTemplateComment Comment
highlight default link flowrunTemplateString String
highlight default link flowrunTemplateWord Statement
highlight default link flowrunFilter Function

let b:current_syntax = 'flowrun'
let &cpo = s:keep
unlet s:keep
