"use strict";(self.rspackChunkhero_jupyter=self.rspackChunkhero_jupyter||[]).push([[266],{646(e,r,o){var t=o(601),i=o.n(t),n=o(314),a=(o.n(n))()(i());a.push([e.id,`.hero-Status {
  display: flex;
  align-items: center;
  min-width: 0;
}

.hero-Status.lm-mod-hidden {
  display: none;
}

.hero-Status-button {
  display: flex;
  align-items: center;
  gap: 4px;
  max-width: 320px;
  height: 100%;
  min-height: 20px;
  margin: 0;
  padding: 0 6px;
  border: 1px solid transparent;
  border-radius: var(--jp-border-radius);
  background: transparent;
  color: var(--jp-ui-font-color1);
  font-family: var(--jp-ui-font-family);
  font-size: var(--jp-ui-font-size1);
  cursor: pointer;
}

.hero-Status-button[aria-disabled='true'] {
  cursor: default;
}

.hero-Status-button:hover:not([aria-disabled='true']) {
  background: var(--jp-layout-color3);
}

.hero-Status-button:focus-visible {
  outline: 2px solid var(--jp-brand-color1);
  outline-offset: -2px;
}

.hero-Status-text {
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}

.hero-Status-lock {
  display: flex;
  flex: none;
}

.hero-Status-lock[hidden] {
  display: none;
}

.hero-Status.hero-mod-toolbar {
  margin-inline: 8px 4px;
}

.hero-Status.hero-mod-toolbar .hero-Status-button {
  height: 24px;
  border-color: var(--jp-border-color1);
}

.hero-Switcher {
  position: fixed;
  z-index: 10000;
  box-sizing: border-box;
  display: flex;
  flex-direction: column;
  width: min(440px, calc(100vw - 8px));
  max-height: min(420px, calc(100vh - 8px));
  padding: 8px;
  border: 1px solid var(--jp-border-color1);
  border-radius: var(--jp-border-radius);
  background: var(--jp-layout-color1);
  color: var(--jp-ui-font-color1);
  font-family: var(--jp-ui-font-family);
  font-size: var(--jp-ui-font-size1);
  box-shadow: var(--jp-elevation-z6);
}

.hero-Switcher-search,
.hero-Tree-filter {
  box-sizing: border-box;
  width: 100%;
  padding: 4px 8px;
  border: 1px solid var(--jp-border-color0);
  border-radius: var(--jp-border-radius);
  background: var(--jp-input-background, var(--jp-layout-color1));
  color: var(--jp-ui-font-color0);
  font-family: inherit;
  font-size: inherit;
}

.hero-Switcher-search::placeholder,
.hero-Tree-filter::placeholder {
  color: var(--jp-ui-font-color1);
  opacity: 1;
}

.hero-Switcher-search:focus-visible,
.hero-Tree-filter:focus-visible {
  outline: 2px solid var(--jp-brand-color1);
  outline-offset: -1px;
}

.hero-Switcher-list {
  flex: 1;
  overflow: auto;
  margin: 8px 0 0;
  padding: 0;
  list-style: none;
}

.hero-Switcher-option {
  display: flex;
  gap: 8px;
  align-items: baseline;
  padding: 4px 8px;
  border-radius: var(--jp-border-radius);
  cursor: pointer;
}

.hero-Switcher-option[aria-selected='true'] {
  background: var(--jp-layout-color2);
  outline: 1px solid var(--jp-brand-color1);
  outline-offset: -1px;
}

.hero-Switcher-option[aria-current='true'] .hero-Switcher-label {
  font-weight: 600;
}

.hero-Switcher-label {
  flex: none;
  max-width: 60%;
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}

.hero-Switcher-detail {
  min-width: 0;
  overflow: hidden;
  color: var(--jp-ui-font-color1);
  font-size: var(--jp-ui-font-size0);
  text-overflow: ellipsis;
  white-space: nowrap;
}

.hero-Switcher-note {
  margin: 0;
  padding: 0 8px;
}

.hero-Switcher-note:not(:empty) {
  padding: 8px;
}

.hero-Tree {
  box-sizing: border-box;
  display: flex;
  flex-direction: column;
  min-width: 180px;
  padding: 8px;
  background: var(--jp-layout-color1);
  color: var(--jp-ui-font-color1);
  font-family: var(--jp-ui-font-family);
  font-size: var(--jp-ui-font-size1);
}

.hero-Tree.lm-mod-hidden {
  display: none;
}

.hero-Tree-hint {
  margin: 6px 2px;
  color: var(--jp-ui-font-color1);
  font-size: var(--jp-ui-font-size0);
}

.hero-Tree-said {
  margin: 0 2px;
  overflow-wrap: anywhere;
}

.hero-Tree-said:not(:empty) {
  margin-bottom: 6px;
}

.hero-Tree-list {
  flex: 1;
  overflow: auto;
  margin: 0;
  padding: 0;
  list-style: none;
}

.hero-Tree-list[hidden],
.hero-Tree-list [hidden] {
  display: none;
}

.hero-Tree-list ul {
  margin: 0;
  padding: 0;
  list-style: none;
}

.hero-Tree-item:focus {
  outline: none;
}

.hero-Tree-row {
  display: flex;
  gap: 4px;
  align-items: baseline;
  padding-block: 2px;
  padding-inline-end: 4px;
  border: 1px solid transparent;
  border-radius: var(--jp-border-radius);
  cursor: pointer;
}

.hero-Tree-row:hover {
  background: var(--jp-layout-color2);
}

.hero-Tree-item:focus-visible > .hero-Tree-row {
  border-color: var(--jp-brand-color1);
  background: var(--jp-layout-color2);
}

.hero-Tree-twist {
  flex: none;
  width: 12px;
}

.hero-Tree-item[aria-expanded] > .hero-Tree-row > .hero-Tree-twist::before {
  content: '▸';
}

.hero-Tree-item[aria-expanded='true'] > .hero-Tree-row > .hero-Tree-twist::before {
  content: '▾';
}

.hero-Tree-label {
  min-width: 24px;
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}

.hero-mod-current > .hero-Tree-row > .hero-Tree-label {
  font-weight: 600;
}

.hero-Tree-detail {
  flex: 1;
  min-width: 0;
  overflow: hidden;
  color: var(--jp-ui-font-color1);
  font-size: var(--jp-ui-font-size0);
  text-overflow: ellipsis;
  white-space: nowrap;
}

.hero-Tree-insert {
  flex: none;
  color: var(--jp-content-link-color);
  font-size: var(--jp-ui-font-size0);
  display: none;
}

.hero-Tree-row:hover > .hero-Tree-insert,
.hero-Tree-item:focus-visible > .hero-Tree-row > .hero-Tree-insert {
  display: inline;
}

.hero-Tree-more > .hero-Tree-label {
  color: var(--jp-content-link-color);
}

@media (forced-colors: active) {
  .hero-Switcher-option[aria-selected='true'],
  .hero-Tree-item:focus-visible > .hero-Tree-row {
    outline: 2px solid Highlight;
  }
}
`,""]),o.d(r,{},{A:a})},314(e){e.exports=function(e){var r=[];return r.toString=function(){return this.map(function(r){var o="",t=void 0!==r[5];return r[4]&&(o+="@supports (".concat(r[4],") {")),r[2]&&(o+="@media ".concat(r[2]," {")),t&&(o+="@layer".concat(r[5].length>0?" ".concat(r[5]):""," {")),o+=e(r),t&&(o+="}"),r[2]&&(o+="}"),r[4]&&(o+="}"),o}).join("")},r.i=function(e,o,t,i,n){"string"==typeof e&&(e=[[null,e,void 0]]);var a={};if(t)for(var l=0;l<this.length;l++){var s=this[l][0];null!=s&&(a[s]=!0)}for(var p=0;p<e.length;p++){var d=[].concat(e[p]);t&&a[d[0]]||(void 0!==n&&(void 0===d[5]||(d[1]="@layer".concat(d[5].length>0?" ".concat(d[5]):""," {").concat(d[1],"}")),d[5]=n),o&&(d[2]&&(d[1]="@media ".concat(d[2]," {").concat(d[1],"}")),d[2]=o),i&&(d[4]?(d[1]="@supports (".concat(d[4],") {").concat(d[1],"}"),d[4]=i):d[4]="".concat(i)),r.push(d))}},r}},601(e){e.exports=function(e){return e[1]}},665(e,r,o){o.r(r);var t=o(72),i=o.n(t),n=o(825),a=o.n(n),l=o(659),s=o.n(l),p=o(56),d=o.n(p),c=o(540),u=o.n(c),h=o(113),f=o.n(h),v=o(646),x={};x.styleTagTransform=f(),x.setAttributes=d(),x.insert=s().bind(null,"head"),x.domAPI=a(),x.insertStyleElement=u(),i()(v.A,x);let m=v.A&&v.A.locals?v.A.locals:void 0;o.d(r,{},{default:m})},72(e){var r=[];function o(e){for(var o=-1,t=0;t<r.length;t++)if(r[t].identifier===e){o=t;break}return o}function t(e,t){for(var i={},n=[],a=0;a<e.length;a++){var l=e[a],s=t.base?l[0]+t.base:l[0],p=i[s]||0,d="".concat(s," ").concat(p);i[s]=p+1;var c=o(d),u={css:l[1],media:l[2],sourceMap:l[3],supports:l[4],layer:l[5]};if(-1!==c)r[c].references++,r[c].updater(u);else{var h=function(e,r){var o=r.domAPI(r);return o.update(e),function(r){r?(r.css!==e.css||r.media!==e.media||r.sourceMap!==e.sourceMap||r.supports!==e.supports||r.layer!==e.layer)&&o.update(e=r):o.remove()}}(u,t);t.byIndex=a,r.splice(a,0,{identifier:d,updater:h,references:1})}n.push(d)}return n}e.exports=function(e,i){var n=t(e=e||[],i=i||{});return function(e){e=e||[];for(var a=0;a<n.length;a++){var l=o(n[a]);r[l].references--}for(var s=t(e,i),p=0;p<n.length;p++){var d=o(n[p]);0===r[d].references&&(r[d].updater(),r.splice(d,1))}n=s}}},659(e){var r={};e.exports=function(e,o){var t=function(e){if(void 0===r[e]){var o=document.querySelector(e);if(window.HTMLIFrameElement&&o instanceof window.HTMLIFrameElement)try{o=o.contentDocument.head}catch(e){o=null}r[e]=o}return r[e]}(e);if(!t)throw Error("Couldn't find a style target. This probably means that the value for the 'insert' parameter is invalid.");t.appendChild(o)}},540(e){e.exports=function(e){var r=document.createElement("style");return e.setAttributes(r,e.attributes),e.insert(r,e.options),r}},56(e,r,o){e.exports=function(e){var r=o.nc;r&&e.setAttribute("nonce",r)}},825(e){e.exports=function(e){if("u"<typeof document)return{update:function(){},remove:function(){}};var r=e.insertStyleElement(e);return{update:function(o){var t,i,n;t="",o.supports&&(t+="@supports (".concat(o.supports,") {")),o.media&&(t+="@media ".concat(o.media," {")),(i=void 0!==o.layer)&&(t+="@layer".concat(o.layer.length>0?" ".concat(o.layer):""," {")),t+=o.css,i&&(t+="}"),o.media&&(t+="}"),o.supports&&(t+="}"),(n=o.sourceMap)&&"u">typeof btoa&&(t+="\n/*# sourceMappingURL=data:application/json;base64,".concat(btoa(unescape(encodeURIComponent(JSON.stringify(n))))," */")),e.styleTagTransform(t,r,e.options)},remove:function(){var e;null===(e=r).parentNode||e.parentNode.removeChild(e)}}}},113(e){e.exports=function(e,r){if(r.styleSheet)r.styleSheet.cssText=e;else{for(;r.firstChild;)r.removeChild(r.firstChild);r.appendChild(document.createTextNode(e))}}}}]);